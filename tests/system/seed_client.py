#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The seed's own client: its models and its three example queries, on a database the engine made.

    seed_client.py DATABASE [STOP]

Prints one JSON document with what the queries found. With STOP it asks again and again until a file of
that name exists, checks every answer, and prints the last one with the number of rounds.
Needs SQLModel (Debian's python3-sqlmodel). The enums are declared as src/schema/SCHEMA.md says, as the
columns hold their values.
"""

import json
import os
import sys
from datetime import datetime, timezone
from enum import Enum
from typing import Optional

from sqlalchemy import Column
from sqlalchemy import Enum as SAEnum
from sqlmodel import Field, Session, SQLModel, create_engine, select


def words(enum, **column):
    """A column that holds the values of an enum. Left to itself, SQLAlchemy stores the members' names."""
    kind = SAEnum(enum, values_callable=lambda e: [m.value for m in e])
    return Field(sa_column=Column(kind, nullable=False, **column))


class AssetType(str, Enum):
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


class AssetProvenance(str, Enum):
    UNKNOWN = "unknown"
    AI_GENERATED = "ai_generated"
    USER_PROVIDED = "user_provided"
    ENHANCED = "enhanced"


class LicenseType(str, Enum):
    ROYALTY_FREE = "royalty_free"
    ATTRIBUTION = "attribution"
    COMMERCIAL = "commercial"
    PERSONAL = "personal"


class JobKind(str, Enum):
    UPSCALE = "upscale"
    DENOISE_AUDIO = "denoise_audio"
    DENOISE_VIDEO = "denoise_video"
    ENHANCE = "enhance"
    EXPORT_PACK = "export_pack"
    METADATA_EXTRACT = "metadata_extract"


class JobStatus(str, Enum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


def utc_now():
    return datetime.now(timezone.utc)


class Asset(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    path: str = Field(unique=True, index=True)
    type: AssetType = words(AssetType)
    hash: str
    width: Optional[int] = None
    height: Optional[int] = None
    duration_sec: Optional[float] = None
    samplerate_hz: Optional[int] = None
    theme: Optional[str] = None
    source: Optional[str] = None
    provenance: AssetProvenance = words(AssetProvenance, default=AssetProvenance.UNKNOWN)
    approved: bool = False
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)


class Pack(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    name: str
    theme: Optional[str] = None
    description: Optional[str] = None
    license_type: LicenseType = words(LicenseType)
    asset_count: int = 0
    total_size_mb: float = 0.0
    export_path: Optional[str] = None
    exported_at: Optional[datetime] = None
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)


class Job(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    kind: JobKind = words(JobKind)
    asset_id: Optional[int] = Field(default=None, foreign_key="asset.id")
    pack_id: Optional[int] = Field(default=None, foreign_key="pack.id")
    params_json: Optional[str] = None
    status: JobStatus = words(JobStatus, default=JobStatus.PENDING)
    progress: float = 0.0
    result_path: Optional[str] = None
    error_message: Optional[str] = None
    created_at: datetime = Field(default_factory=utc_now)
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None


def check(asset):
    """Every column loads as the type the model declares."""
    assert isinstance(asset.id, int) and asset.id > 0, asset
    assert os.path.isabs(asset.path), asset
    AssetType(asset.type)
    AssetProvenance(asset.provenance)
    assert len(asset.hash) == 64 and set(asset.hash) <= set("0123456789abcdef"), asset
    for number in (asset.width, asset.height, asset.samplerate_hz):
        assert number is None or isinstance(number, int), asset
    assert asset.duration_sec is None or isinstance(asset.duration_sec, float), asset
    for text in (asset.theme, asset.source):
        assert text is None or isinstance(text, str), asset
    assert isinstance(asset.approved, bool), asset
    for time in (asset.created_at, asset.updated_at):
        assert isinstance(time, datetime), asset
        assert abs((datetime.utcnow() - time).total_seconds()) < 86400, asset


def fields(row):
    return {name: value.isoformat(" ", "microseconds") if isinstance(value, datetime) else value
            for name, value in row.dict().items()}


def ask(engine):
    with Session(engine) as session:
        # The three examples of the seed, as they stand there.
        assets = session.exec(
            select(Asset).where(Asset.approved == False)  # noqa: E712
        ).all()
        nature = session.exec(
            select(Asset).where(Asset.theme == "nature")
        ).all()
        running = session.exec(
            select(Job).where(Job.status == JobStatus.RUNNING)
        ).all()
        everything = session.exec(select(Asset)).all()
        for asset in everything:
            check(asset)
        # Filters by the other enums find what the plain word finds.
        text = session.execute(
            "SELECT (SELECT count(*) FROM asset WHERE type = 'image'),"
            " (SELECT count(*) FROM asset WHERE provenance = 'ai_generated'),"
            " (SELECT count(*) FROM pack WHERE license_type = 'commercial'),"
            " (SELECT count(*) FROM job WHERE kind = 'upscale')"
        ).one()
        found = [
            select(Asset).where(Asset.type == AssetType.IMAGE),
            select(Asset).where(Asset.provenance == AssetProvenance.AI_GENERATED),
            select(Pack).where(Pack.license_type == LicenseType.COMMERCIAL),
            select(Job).where(Job.kind == JobKind.UPSCALE),
        ]
        return {
            "by_enum": [[len(session.exec(one).all()), count] for one, count in zip(found, text)],
            "unapproved": [fields(row) for row in assets],
            "nature": [fields(row) for row in nature],
            "running": [fields(row) for row in running],
            "assets": [fields(row) for row in everything],
            "packs": [fields(row) for row in session.exec(select(Pack)).all()],
            "jobs": [fields(row) for row in session.exec(select(Job)).all()],
        }


def main():
    engine = create_engine("sqlite:///" + sys.argv[1])
    stop = sys.argv[2] if len(sys.argv) > 2 else None
    rounds, seen = 0, []
    while True:
        last = stop is None or os.path.exists(stop)
        answer = ask(engine)
        rounds += 1
        assert not seen or len(answer["assets"]) >= seen[-1], "assets went away"
        if not seen or len(answer["assets"]) != seen[-1]:
            seen.append(len(answer["assets"]))
        if last:
            break
    answer["rounds"] = rounds
    answer["seen"] = seen  # the different numbers of assets on the way
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()

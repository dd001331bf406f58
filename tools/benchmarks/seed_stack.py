# SPDX-License-Identifier: MIT
"""The seed's own stack, to compare with: SQLModel, one commit a file. A program of its own.

    seed_stack.py DATABASE < NUL-separated paths

Does for each file what the seed's data model says its watcher does: extension, SHA-256, a look whether
the path is there already, the row. Prints {"files", "seconds"}; the time covers the files only, not the
start of Python, the imports and the making of the tables.
"""

import hashlib
import json
import sys
import time
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Optional

from sqlmodel import Field, Session, SQLModel, create_engine, select


class AssetType(str, Enum):
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


class AssetProvenance(str, Enum):
    UNKNOWN = "unknown"
    AI_GENERATED = "ai_generated"
    USER_PROVIDED = "user_provided"
    ENHANCED = "enhanced"


def utc_now():
    return datetime.now(timezone.utc)


class Asset(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    path: str = Field(index=True, unique=True)
    type: AssetType
    hash: str
    width: Optional[int] = None
    height: Optional[int] = None
    duration_sec: Optional[float] = None
    samplerate_hz: Optional[int] = None
    theme: Optional[str] = None
    source: Optional[str] = None
    provenance: AssetProvenance = AssetProvenance.UNKNOWN
    approved: bool = False
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)


TYPES = {
    **dict.fromkeys(("png", "jpg", "gif", "bmp", "tiff", "webp"), AssetType.IMAGE),
    **dict.fromkeys(("wav", "mp3", "flac", "ogg", "m4a", "aac"), AssetType.AUDIO),
    **dict.fromkeys(("mp4", "mov", "avi", "mkv", "webm", "flv"), AssetType.VIDEO),
}


def digest_of(path):
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(65536), b""):
            sha256.update(block)
    return sha256.hexdigest()


def take(engine, path):
    kind = TYPES.get(path.suffix.lower().lstrip("."))
    if kind is None:
        return
    digest = digest_of(path)
    with Session(engine) as session:
        if session.exec(select(Asset).where(Asset.path == str(path))).first():
            return
        session.add(Asset(path=str(path), type=kind, hash=digest))
        session.commit()


def main():
    paths = [Path(p) for p in sys.stdin.buffer.read().decode().split("\0") if p]
    engine = create_engine(f"sqlite:///{sys.argv[1]}")
    SQLModel.metadata.create_all(engine)
    begin = time.perf_counter()
    for path in paths:
        take(engine, path)
    seconds = time.perf_counter() - begin
    print(json.dumps({"files": len(paths), "seconds": seconds}))


if __name__ == "__main__":
    main()

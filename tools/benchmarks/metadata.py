# SPDX-License-Identifier: MIT
"""Facts and previews of files: a service that reads them in its workers, against tools that do part of that work.

The engine's rate is that of the last of its jobs: a folder is imported first, then a service is started on
it, and the time runs from its first attempt at a job to the end of its last one, by the table `job_attempt`.
Scheduling, opening, sandboxed decoding, the perceptual hash, the log and the tables are inside. The
references discard what they read. exiftool and mediainfo run as one process for all files; ffprobe and GNOME's
tracker-extract run as one process per file, as many at a time as there are cores, and read at most 500 files. For large
pictures, vipsthumbnail makes the same previews as the engine (256 and 1024 pixels; small pictures need none), with as
many processes as cores. After each run of the engine, width, height and duration of every
file are checked against the generator's. Figures are medians.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from benchmarks.support import (Failure, build_options, cores, find_program, machine, median, require, run, say,
                                temporary_folder)

SMALL_ENDINGS = ["png", "png", "png", "jpg", "jpg", "webp"]
SMALL_SIZES = [(64, 64), (128, 96), (256, 256), (320, 200)]
LARGE_SIZE = (3000, 2000)
CLIP_SECONDS = 2
ONE_A_FILE_MAX = 500


class Files:
    """A folder of real media that ffmpeg made, and what their facts have to be."""

    def __init__(self, folder, what):
        self.folder = folder
        self.what = what
        self.truth = {}  # path -> (width, height, seconds or None)
        folder.mkdir(parents=True)

    def add_copies(self, samples, count):
        """So many files, each with bytes of its own behind the end of one of the samples."""
        for i in range(count):
            path, facts = samples[i % len(samples)]
            to = self.folder / f"{i // 200:03}" / f"{i:05}{path.suffix}"
            to.parent.mkdir(exist_ok=True)
            to.write_bytes(path.read_bytes() + (f"{i:016}".encode() if path.suffix in (".png", ".jpg") else b""))
            self.truth[str(to)] = facts

    def paths(self):
        return list(self.truth)


def ffmpeg(*arguments):
    run(["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)])


def picture(folder, name, size):
    path = folder / name
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={size[0]}x{size[1]}", "-frames:v", 1, path)
    return path, (*size, None)


def make_small(folder, samples, count):
    samples.mkdir()
    made = []
    for i in range(96):
        ending, size = SMALL_ENDINGS[i % len(SMALL_ENDINGS)], SMALL_SIZES[i % len(SMALL_SIZES)]
        size = (size[0] + 2 * (i // 8), size[1])
        made.append(picture(samples, f"{i}.{ending}", size))
    files = Files(folder, "small pictures")
    files.add_copies(made, count)
    return files


def make_large(folder, samples, count):
    samples.mkdir()
    made = [picture(samples, f"{i}.{ending}", LARGE_SIZE) for i, ending in enumerate(["png", "jpg", "jpg", "webp"])]
    files = Files(folder, "large pictures")
    files.add_copies(made, count)
    return files


def make_clips(folder, samples, count):
    samples.mkdir()
    made = []
    for i, ending in enumerate(["mp4", "mkv", "webm", "mov"]):
        path = samples / f"{i}.{ending}"
        codec = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", 8] if ending == "webm" else [
            "-c:v", "libx264", "-preset", "ultrafast"]
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25:duration={CLIP_SECONDS}", *codec,
               "-pix_fmt", "yuv420p", path)
        made.append((path, (640, 360, float(CLIP_SECONDS))))
    files = Files(folder, "clips")
    files.add_copies(made, count)
    return files


# --- the engine -----------------------------------------------------------------------------------------


def seconds_of(database):
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as tables:
        unread = tables.execute("SELECT count(*) FROM asset WHERE id NOT IN (SELECT asset_id FROM asset_media)"
                                ).fetchone()[0]
        active = tables.execute("SELECT count(*) FROM active_job").fetchone()[0]
        if unread or active:
            return None
        return tables.execute("SELECT (julianday(max(ended_at)) - julianday(min(started_at))) * 86400 FROM job_attempt"
                              ).fetchone()[0]


def check(files, database):
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as tables:
        rows = {path: facts for path, *facts in
                tables.execute("SELECT path, width, height, duration_sec FROM asset")}
        broken = tables.execute("SELECT count(*) FROM asset_problem").fetchone()[0]
    for path, (width, height, seconds) in files.truth.items():
        found = rows.get(path)
        if found is None or found[:2] != [width, height] or (
                seconds is not None and (found[2] is None or abs(found[2] - seconds) > 0.1)):
            raise Failure(f"the engine says {found} of '{path}', not {width}x{height}, {seconds} s")
    if broken:
        raise Failure(f"the engine found {broken} problems in whole {files.what}")


def children_seconds(pid):
    """Processor seconds of a process and of those that it started, dead ones included."""
    total = 0.0
    for each in [pid, *(int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
                        for child in (task / "children").read_text().split())]:
        with contextlib.suppress(FileNotFoundError):
            fields = pathlib.Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:13])) + (sum(map(int, fields[13:15])) if each == pid else 0)
    return total / os.sysconf("SC_CLK_TCK")


def run_engine(program, files, folder, timeout_seconds=900):
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    base = [str(program), "--data", str(data)]
    run([*base, "import", str(files.folder), "--json"])
    service = subprocess.Popen([*base, "serve"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + timeout_seconds
        while (seconds := seconds_of(data / "podstudio.db")) is None:
            if time.monotonic() > deadline or service.poll() is not None:
                raise Failure(f"the engine did not read the {files.what} in time")
            time.sleep(0.02)
        processor = children_seconds(service.pid)
        check(files, data / "podstudio.db")
        return seconds, processor
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait()


# --- the references -------------------------------------------------------------------------------------


def references(files, folder):
    """Those whose program is installed, by name: the command, and how many of the files it reads."""
    paths = files.paths()
    some = paths[:ONE_A_FILE_MAX]
    lists = folder / "all files", folder / "some files"
    for each, what in zip(lists, (paths, some)):
        each.write_text("\0".join(what) + "\0")
    lines = folder / "lines"
    lines.write_text("\n".join(paths) + "\n")
    one_a_file = f"xargs -0 -n 1 -P {cores()} <'{lists[1]}' "
    tracker = "/usr/libexec/tracker-extract-3"
    found = {
        "exiftool, one process": ("exiftool", ["exiftool", "-q", "-json", "-@", str(lines)], len(paths)),
        "ffprobe, one a file": ("ffprobe", ["sh", "-c", one_a_file + "ffprobe -v quiet -print_format json -show_format"
                                                                     " -show_streams"], len(some)),
        "mediainfo, one process": ("mediainfo", ["sh", "-c", f"xargs -0 -s 1900000 <'{lists[0]}' mediainfo --Output=JSON"],
                                   len(paths)),
        "tracker-extract, one a file": (tracker, ["dbus-run-session", "--", "sh", "-c",
                                                  f"{one_a_file} {tracker} --output-format=json-ld --file"], len(some))}
    if files.what == "large pictures":
        made = folder / "thumbnails"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        found["vipsthumbnail, 256 and 1024"] = ("vipsthumbnail", ["sh", "-c", " && ".join(
            f"xargs -0 -n 16 -P {cores()} <'{lists[0]}' vipsthumbnail --size {edge} -o '{made}/%s-{edge}.webp'"
            for edge in (256, 1024))], len(paths))
    return {name: (command, count) for name, (program, command, count) in found.items() if shutil.which(program)}


def measure(program, files, folder, rounds):
    runs = {"podstudio": []}  # by name: seconds and processor seconds a file
    count = len(files.truth)
    for _ in range(rounds):
        seconds, processor = run_engine(program, files, folder)
        runs["podstudio"].append((seconds / count, processor / count))
        for name, (command, read) in references(files, folder).items():
            done = run(command, timeout_seconds=1800)
            runs.setdefault(name, []).append((done.seconds / read, done.processor_seconds / read))
    report = {"files": count, "what": files.what, "runs": {}}
    own = 1 / median(seconds for seconds, _ in runs["podstudio"])
    print(f"\n{count} {files.what}\n{'':28}files/s     CPU ms/file   podstudio is faster by a factor of")
    for name, taken in runs.items():
        rate = 1 / median(seconds for seconds, _ in taken)
        processor = 1000 * median(each for _, each in taken)
        report["runs"][name] = {"files_per_second": round(rate, 1), "cpu_ms_a_file": round(processor, 2)}
        ratio = "" if name == "podstudio" else f"{own / rate:.1f}"
        print(f"{name:28}{rate:7.0f} {processor:15.2f}   {ratio}")
    return report


def main(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench metadata", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help="the program to measure (the release build in build/)")
    parser.add_argument("--small", type=int, default=10_000, help="small pictures (10000)")
    parser.add_argument("--large", type=int, default=500, help="large pictures (500)")
    parser.add_argument("--clips", type=int, default=200, help="clips (200)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (3)")
    parser.add_argument("--folder", help="where to measure: a folder on a disk (build/)")
    parser.add_argument("--json", metavar="FILE", help="also write the report there")
    options = parser.parse_args(arguments)
    require("ffmpeg", "exiftool", "ffprobe")
    program = find_program(options.program)
    reports = []
    with temporary_folder(options.folder) as folder:
        print(f"machine: {machine(folder)}\nbuild: {build_options(program)}")
        for make, count in ((make_small, options.small), (make_large, options.large), (make_clips, options.clips)):
            if count == 0:
                continue
            name = make.__name__.removeprefix("make_")
            say(f"making {count} files")
            files = make(folder / name, folder / f"{name} samples", count)
            reports.append(measure(program, files, folder, options.rounds))
            shutil.rmtree(folder / name)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(reports, indent=2) + "\n")
    return 0

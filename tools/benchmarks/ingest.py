# SPDX-License-Identifier: MIT
"""Files to rows: a folder catalogued by the whole program, against sha256sum, OpenSSL and the seed's stack.

The engine's rate is that of `podstudio --data FRESH import FOLDER --json` from exec to exit: start, a new
log and database, walking, hashing, the durable log, rows that other programs see, and stop are all inside.
The references do less: `sha256sum` over as many processes as cores only hashes, in the quickest of several
ways to hand out the files; `openssl speed` does not even read. Only the seed's stack does the same work.
Engine and references take turns on the same files, which are in the page cache; figures are medians, and
after every run of the engine its counts and every row (path and digest) are checked against the truth.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

from benchmarks.support import (REPOSITORY, Failure, aligned, become_real_time, build_options, cores,
                                find_program, machine, median, number, openssl_speed, parse_size, require, run, say,
                                temporary_folder)

SEED = 20240229  # of the generator; the same files every time

# Endings of the seed, about as often as libraries of packs have them; two of them as cameras write them.
ENDINGS = (["png"] * 8 + ["jpg"] * 3 + ["webp"] * 2 + ["gif", "bmp", "tiff", "wav", "wav", "mp3", "ogg", "flac",
           "m4a", "aac", "mp4", "mp4", "webm", "mov", "avi", "mkv", "flv", "PNG", "JPG"])
WORDS = ["amber", "brook", "cedar", "dawn", "ember", "fern", "glade", "harbor", "iris", "jade", "kelp", "lilac"]
LARGE_FILES = 8
SHARES = (1, 4, 16)  # processes of sha256sum per core, one after the other


# --- the files ----------------------------------------------------------------------------------------


class Files:
    """A folder of generated files and what a catalogue of it has to hold."""

    def __init__(self, folder, what):
        self.folder = folder
        self.what = what
        self.truth = {}  # absolute path -> SHA-256 in hexadecimal
        self.sizes = []

    def add(self, name, blocks):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sha256, size = hashlib.sha256(), 0
        with open(path, "wb") as file:
            for block in blocks:
                file.write(block)
                sha256.update(block)
                size += len(block)
        self.truth[str(path)] = sha256.hexdigest()
        self.sizes.append(size)

    @property
    def count(self):
        return len(self.sizes)

    @property
    def megabytes(self):
        return sum(self.sizes) / 1e6

    def distribution(self):
        ordered = sorted(self.sizes)
        at = lambda share: ordered[int(share * (len(ordered) - 1))]
        return {"files": self.count, "megabytes": round(self.megabytes, 1), "min": ordered[0], "p25": at(0.25),
                "median": at(0.5), "p75": at(0.75), "max": ordered[-1],
                "folders": len({os.path.dirname(p) for p in self.truth})}


def name_of(generator, number_of_file, per_folder):
    """Three deep, with spaces, as people name packs: 'pack 03 fern/set 07/amber dawn 00412 (2).png'."""
    folder = number_of_file // per_folder
    words = " ".join(generator.sample(WORDS, 2))
    copy = " (2)" if generator.random() < 0.1 else ""
    return (f"pack {folder // 10:02} {WORDS[folder // 10 % len(WORDS)]}/set {folder % 10:02}/"
            f"{words} {number_of_file:05}{copy}.{generator.choice(ENDINGS)}")


def make_small(folder, count):
    files, generator = Files(folder, "small files"), random.Random(SEED)
    for i in range(count):
        files.add(name_of(generator, i, 100), [generator.randbytes(generator.randint(1 << 10, 8 << 10))])
    return files


def make_media(folder, count):
    """The sizes of real pictures and sounds, evenly spread over their logarithm: 100 KiB to 3 MiB."""
    files, generator = Files(folder, "pictures and sounds"), random.Random(SEED + 1)
    for i in range(count):
        size = int((100 << 10) * 30.72 ** generator.random())
        files.add(name_of(generator, i, 50), [generator.randbytes(size)])
    return files


def make_large(folder, total_bytes):
    files, generator = Files(folder, "large files"), random.Random(SEED + 2)
    block = generator.randbytes(4 << 20)
    size = total_bytes // LARGE_FILES

    def blocks():
        left = size
        while left > 0:
            piece = block[:left]
            yield piece[:-8] + generator.randbytes(8) if len(piece) > 8 else piece
            left -= len(piece)

    for i in range(LARGE_FILES):
        files.add(f"renders/final cut {i}.mp4", blocks())
    return files


# --- the references -----------------------------------------------------------------------------------


def hashing_command(folder, count, shares, hasher="sha256sum"):
    """`hasher` over all files, in as many processes at a time as cores."""
    each = max(1, -(-count // (cores() * shares)))
    return ["sh", "-c", f"find {shlex.quote(str(folder))} -type f -print0"
                        f" | xargs -0 -s 1900000 -P {cores()} -n {each} {hasher}"]


def check_sums(files, output):
    """The reference has to have read the same files."""
    found = {}
    for line in output.decode().splitlines():
        found[line[66:]] = line[:64]
    if found != files.truth:
        raise Failure(f"sha256sum tells other digests of the {files.what} than the generator")


def quickest_reference(files):
    """Fills the page cache, checks the reference, and finds the quickest way to share out the work."""
    best = None
    for shares in SHARES:
        command = hashing_command(files.folder, files.count, shares)
        if best is None:
            check_sums(files, run(command, keep_output=True).output)
        seconds = min(run(command).seconds for _ in range(2))
        if best is None or seconds < best[0]:
            best = (seconds, shares)
        if files.count <= cores() * shares:
            break
    return best[1]


class SeedStack:
    """The seed's stack on every n-th of the files, as it is slow; rate in files a second."""

    def __init__(self, files, count, folder):
        step = max(1, files.count // max(1, count))
        self.paths = list(files.truth)[::step][:count]
        self.truth = {p: files.truth[p] for p in self.paths}
        self.database = folder / "seed.db"
        self.script = REPOSITORY / "tools/benchmarks/seed_stack.py"

    def rate(self):
        for path in self.database.parent.glob("seed.db*"):
            path.unlink()
        done = subprocess.run(["/usr/bin/python3", str(self.script), str(self.database)],
                              input="\0".join(self.paths).encode(), capture_output=True)
        if done.returncode != 0:
            text = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise Failure(f"the seed's stack failed: {' '.join(text)}; it needs Debian's python3-sqlmodel")
        check_rows(self.database, self.truth, "the seed's stack")
        told = json.loads(done.stdout)
        return told["files"] / told["seconds"]


# --- the engine ---------------------------------------------------------------------------------------


def check_rows(database, truth, who):
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT path, hash FROM asset").fetchall()
    if len(rows) != len(truth) or dict(rows) != truth:
        raise Failure(f"{who} made {len(rows)} rows that are not the {len(truth)} files there are")


class Engine:
    def __init__(self, program, folder):
        self.program = program
        self.data = folder / "data"

    def fresh(self):
        shutil.rmtree(self.data, ignore_errors=True)

    def command(self, folder):
        return [str(self.program), "--data", str(self.data), "import", str(folder), "--json"]

    def check(self, files, output):
        try:
            counts = json.loads(output)
        except ValueError:
            raise Failure(f"the engine's output is no JSON: {output[:200]!r}") from None
        wanted = {"scanned": files.count, "registered": files.count, "failed": 0, "skipped": 0}
        if any(counts.get(key) != value for key, value in wanted.items()):
            raise Failure(f"the engine counted {counts}, expected {wanted}")
        check_rows(self.data / "podstudio.db", files.truth, "the engine")

    def ingest(self, files):
        self.fresh()
        done = run(self.command(files.folder), keep_output=True)
        self.check(files, done.output)
        return done

    def nothing(self, empty_folder):
        """What a run costs before and after the work."""
        self.fresh()
        return run(self.command(empty_folder))

    def replay(self, output):
        """Only the folding: the tables anew from the log of the last run."""
        with contextlib.suppress(FileNotFoundError):
            output.unlink()
        return run([str(self.program), "--data", str(self.data), "replay", "--output", str(output)])


# --- where the time goes ------------------------------------------------------------------------------


def profile(engine, files):
    """Shares of the processor time by thread and by library, sampled by perf in a run of its own. The
    sum is the processor time, not the wall time; idle waiting for the disk does not show."""
    if shutil.which("perf") is None:
        return None
    engine.fresh()
    with tempfile.TemporaryDirectory() as folder:
        data = folder + "/perf.data"
        record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "-o", data, "--"]
        if subprocess.run(record + engine.command(files.folder), capture_output=True).returncode != 0:
            return None
        threads = {}
        for percent, (thread, library) in perf_shares(data, "pid,dso", 0.3):
            threads.setdefault(thread, {})[library] = percent
        return {"library": {library: percent for percent, (library,) in perf_shares(data, "dso", 0.5)},
                "thread": threads,
                "function": {f"{name} ({library})": percent
                             for percent, (library, name) in perf_shares(data, "dso,symbol", 0.5)}}


def perf_shares(data, keys, least_percent):
    """[(percent, [what, ...]), ...] of a report of perf, largest first."""
    told = subprocess.run(["perf", "report", "-q", "--stdio", "-g", "none", "-i", data, "--sort", keys, "-t", ";",
                           "--percent-limit", str(least_percent)], capture_output=True, text=True)
    shares = []
    for row in told.stdout.splitlines():
        cells = [c.strip() for c in row.split(";")]
        found = re.fullmatch(r"([0-9.]+)%", cells[0])
        if found:
            shares.append((float(found[1]), [short_name(c) for c in cells[1:keys.count(",") + 2]]))
    return shares


def short_name(text):
    """'[kernel.kallsyms]' as 'kernel', 'libcrypto.so.3' as 'libcrypto', '[.] f' as 'f', '12:x' as '12 x'."""
    text = re.sub(r"^\[[.k]\] ", "", text)
    if text == "[kernel.kallsyms]":
        return "kernel"
    return re.sub(r"\.so[.0-9]*$", "", re.sub(r"^(\d+):", r"\1 ", text))


# --- measuring ----------------------------------------------------------------------------------------


class Series:
    """The runs of one set of files."""

    def __init__(self, files):
        self.files = files
        self.reference = []   # Run
        self.engine = []      # Run
        self.openssl = []     # MB/s of one process
        self.seed = []        # files/s

    def rate(self, runs):
        return self.files.count / median(r.seconds for r in runs)

    def speed(self, runs):
        return self.files.megabytes / median(r.seconds for r in runs)

    def pair_ratios(self):
        return [r.seconds / e.seconds for r, e in zip(self.reference, self.engine)]


def measure(series, engine, shares, runs, seed_stack=None, with_openssl=False):
    files = series.files
    command = hashing_command(files.folder, files.count, shares)
    for i in range(runs):
        say(f"{files.what}: run {i + 1} of {runs}")
        if with_openssl:
            series.openssl.append(openssl_speed())
        series.reference.append(run(command))
        series.engine.append(engine.ingest(files))
        if with_openssl:
            series.openssl.append(openssl_speed())
        if seed_stack:
            series.seed.append(seed_stack.rate())


def breakdown(series, engine, shares, folder, empty_ms, runs):
    """Parts of one ingest, each measured by itself: they overlap in the engine and do not add up."""
    files = series.files
    plain = hashing_command(files.folder, files.count, shares)
    openssl = hashing_command(files.folder, files.count, shares, "openssl dgst -sha256")
    looking = ["find", str(files.folder), "-type", "f", "-printf", "%s %T@ %i %p\\n"]
    parts = {
        "the whole ingest": median(r.seconds for r in series.engine) * 1e3,
        "start and stop, empty folder": empty_ms,
        "walk alone (find -printf)": median(run(looking).seconds for _ in range(runs)) * 1e3,
        "hash alone (sha256sum)": median(run(plain).seconds for _ in range(runs)) * 1e3,
        "hash alone (openssl dgst)": median(run(openssl).seconds for _ in range(runs)) * 1e3,
    }
    with contextlib.suppress(Failure):  # a program that cannot replay yet has no such line
        engine.ingest(files)
        parts["fold alone (replay), start included"] = median(
            engine.replay(folder / "replayed.db").seconds for _ in range(runs)) * 1e3
    return {
        "wall_ms": {name: round(ms, 1) for name, ms in parts.items()},
        "engine_user_ms": round(median(r.user_seconds for r in series.engine) * 1e3, 1),
        "engine_system_ms": round(median(r.system_seconds for r in series.engine) * 1e3, 1),
        "engine_cores_used": round(median(r.processor_seconds / r.seconds for r in series.engine), 2),
        "engine_resident_mb": round(max(r.resident_mb for r in series.engine), 1),
        "reference_processor_ms": round(median(r.processor_seconds for r in series.reference) * 1e3, 1),
        "profile": profile(engine, files),
    }


# --- the report ---------------------------------------------------------------------------------------


def line(work, reference, reference_rate, engine_rate, unit, target, goal=None, note=""):
    ratio = engine_rate / reference_rate
    return {"work": work, "reference": reference, "reference_rate": round(reference_rate, 1),
            "engine_rate": round(engine_rate, 1), "unit": unit, "ratio": round(ratio, 3), "target": target,
            "met": None if target is None else ratio >= target, "goal": goal, "note": note}


def lines_of(small, media, large, seed_files):
    out = []
    per_core = f"sha256sum x {cores()}"
    if small:
        rate = small.rate(small.engine)
        out.append(line("small files", per_core, small.rate(small.reference), rate, "files/s", 0.6, 1.0))
        if small.seed:
            out.append(line("small files", "SQLModel, a commit a file", median(small.seed), rate, "files/s", 130,
                            note=f"the seed's stack on {seed_files} of the files"))
    if media:
        out.append(line("pictures and sounds", per_core, media.speed(media.reference), media.speed(media.engine),
                        "MB/s", 1.3))
    if large:
        speed = large.speed(large.engine)
        out.append(line("large files", f"openssl speed x {cores()}", median(large.openssl) * cores(), speed, "MB/s",
                        0.9, 0.95))
        out.append(line("large files", per_core, large.speed(large.reference), speed, "MB/s", None))
    return out


def show(report):
    host, sets = report["machine"], report["files"]
    print(f"{host['cores']} cores, {host['cpu']}{', SHA instructions' if host['sha_instructions'] else ''}, "
          f"{host['memory_gb']} GB; Linux {host['kernel']}, {host['file_system']}; load {host['load_before']} before")
    built = ", ".join(f"{k} {v}" for k, v in report["build"].items()) or "unknown build"
    print(f"{report['program']} ({built})")
    print(f"generator seed {report['seed']}; medians of {report['runs']} runs, taking turns; page cache warm"
          f"{'; at real-time priority' if report['real_time'] else ''}\n")
    print(aligned(["files", "count", "MB", "folders", "min", "p25", "median", "p75", "max bytes"],
                  [[name, number(d["files"]), number(d["megabytes"]), d["folders"]]
                   + [number(d[k]) for k in ("min", "p25", "median", "p75", "max")] for name, d in sets.items()]))
    print()
    rows = []
    for l in report["results"]:
        met = "-" if l["met"] is None else "yes" if l["met"] else "NO"
        rows.append([l["work"], l["reference"], number(l["reference_rate"]), number(l["engine_rate"]), l["unit"],
                     number(l["ratio"], 2), "-" if l["target"] is None else l["target"], met, l["goal"] or "-"])
    print(aligned(["work", "reference", "reference", "engine", "unit", "ratio", "target", "met", "goal"], rows, 2))
    for note in report["notes"]:
        print(f"note: {note}")
    for name, parts in report["breakdown"].items():
        print(f"\nwhere the time goes: {name} (wall; the parts overlap in the engine and do not add up)")
        print(aligned(["part", "ms"], [[k, number(v, 1)] for k, v in parts["wall_ms"].items()]))
        print(f"the engine's processor time: {number(parts['engine_user_ms'])} ms user, "
              f"{number(parts['engine_system_ms'])} ms system, {parts['engine_cores_used']} cores busy on average; "
              f"at most {number(parts['engine_resident_mb'])} MB resident; "
              f"the reference's: {number(parts['reference_processor_ms'])} ms")
        show_profile(parts["profile"])


def show_profile(profile):
    if profile is None:
        print("no profile: it takes perf (Debian: linux-perf) and the right to use it")
        return
    shares = lambda of, most: ", ".join(f"{k} {v:.0f} %" for k, v in sorted(of.items(), key=lambda i: -i[1])[:most])
    print("processor time by library: " + shares(profile["library"], 8))
    for thread, libraries in sorted(profile["thread"].items(), key=lambda t: -sum(t[1].values())):
        print(f"  thread {thread}: {sum(libraries.values()):.0f} % ({shares(libraries, 5)})")
    named = {k: v for k, v in profile["function"].items() if not k.startswith("0x")}
    print("by function: " + shares(named, 10))


def notes_of(all_series, shares, available_mb, total_mb):
    notes = []
    for series in all_series:
        ratios = series.pair_ratios()
        notes.append(f"{series.files.what}: sha256sum in {shares[series.files.what]} processes a core, one after the "
                     f"other (the quickest of {', '.join(map(str, SHARES))}); "
                     f"ratios of single runs {min(ratios):.2f} to {max(ratios):.2f}")
        if any(r.blocks_read for r in series.reference + series.engine):
            notes.append(f"{series.files.what}: some runs read from the disk; the page cache was not warm")
    if total_mb > available_mb * 0.8:
        notes.append("the files hardly fit into the memory; the figures are those of the disk")
    return notes


def available_memory_mb():
    with open("/proc/meminfo", encoding="utf-8") as info:
        for row in info:
            if row.startswith("MemAvailable"):
                return int(row.split()[1]) * 1024 / 1e6
    return 0.0


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench ingest", description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000, help="small files (10000; 0 leaves them out)")
    parser.add_argument("--media-files", type=int, default=600, help="files of 100 KiB to 3 MiB (600)")
    parser.add_argument("--large-bytes", type=parse_size, default=parse_size("2G"),
                        help=f"in {LARGE_FILES} large files (2G)")
    parser.add_argument("--seed-files", type=int, default=1_000, help="small files for the seed's stack (1000)")
    parser.add_argument("--runs", type=int, default=5, help="of each, taking turns (5)")
    parser.add_argument("--program", help="the podstudio to measure (the release build in build/)")
    parser.add_argument("--folder", help="where to make the files, on a disk (build/)")
    parser.add_argument("--real-time", action="store_true",
                        help="run references and engine ahead of whatever else runs on the machine (root only)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args(arguments)
    if options.runs < 1 or min(options.files, options.media_files, options.large_bytes, options.seed_files) < 0:
        parser.error("counts are positive")
    if options.files == options.media_files == options.large_bytes == 0:
        parser.error("nothing is left to measure")
    return options


def main(arguments):
    options = parse(arguments)
    require("find", "xargs", "sha256sum", "openssl")
    program = find_program(options.program)
    if options.real_time:
        become_real_time()
    with temporary_folder(options.folder) as folder:
        report = measure_all(options, program, folder)
    if options.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        show(report)
    return 0


def measure_all(options, program, folder):
    host = machine(folder)
    say(f"making the files in {folder}")
    small = Series(make_small(folder / "small", options.files)) if options.files else None
    media = Series(make_media(folder / "media", options.media_files)) if options.media_files else None
    large = Series(make_large(folder / "large", options.large_bytes)) if options.large_bytes else None
    every = [s for s in (small, media, large) if s]
    os.sync()  # or writing them back would go on beside the first runs
    engine = Engine(program, folder)
    shares = {s.files.what: quickest_reference(s.files) for s in every}
    seed_stack = SeedStack(small.files, options.seed_files, folder) if small and options.seed_files else None
    for series in every:
        measure(series, engine, shares[series.files.what], options.runs, seed_stack if series is small else None,
                series is large)
    say("where the time goes")
    empty = folder / "empty"
    empty.mkdir()
    empty_ms = median(engine.nothing(empty).seconds for _ in range(options.runs)) * 1e3
    parts = {s.files.what: breakdown(s, engine, shares[s.files.what], folder, empty_ms, min(3, options.runs))
             for s in every}
    return {
        "benchmark": "ingest",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": host,
        "program": str(program),
        "build": build_options(program),
        "seed": SEED,
        "runs": options.runs,
        "real_time": options.real_time,
        "files": {s.files.what: s.files.distribution() for s in every},
        "results": lines_of(small, media, large, len(seed_stack.paths) if seed_stack else 0),
        "notes": notes_of(every, shares, available_memory_mb(), sum(s.files.megabytes for s in every)),
        "breakdown": parts,
        "seconds": {s.files.what: {"reference": [round(r.seconds, 4) for r in s.reference],
                                   "engine": [round(r.seconds, 4) for r in s.engine]} for s in every},
    }

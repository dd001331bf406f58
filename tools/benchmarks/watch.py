# SPDX-License-Identifier: MIT
"""Changes to rows: how soon a file is in the tables, and how long a restart over unchanged files takes.

latency: from the close of a new file to its row being seen by another process that reads the database, at
rest and while another folder is imported; each file is written only after the one before it was seen.

rescan: from the start of the service to every unchanged file of a large tree being compared with the
tables, against `find -printf '%p %s %T@\\n'` over the same tree; both find the tree in the caches. The
service's largest resident memory is told. Afterwards `replay --check` must find nothing to say.

storm: the same renames, writes and deletes under the eyes of the engine and of watchman (a package of
Debian), each with a folder of its own: how long after the last change either knows all, and whether what it
knows is true.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import time

from benchmarks.support import (Failure, aligned, become_real_time, find_program, machine, median, number, run, say,
                                temporary_folder)

SEED = 20250301


class Service:
    """A running service; ended with its context."""

    def __init__(self, program, data, *roots):
        self.program, self.data = program, data
        self.begun = time.perf_counter()
        watched = [word for root in roots for word in ("--watch", root)]
        self.process = subprocess.Popen([program, "--data", data, "serve", *watched], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        line = self.process.stderr.readline()
        if line != b"ready\n":
            raise Failure("the service did not start: " + (line + self.process.stderr.read()).decode().strip())
        self.ready_seconds = time.perf_counter() - self.begun

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.process.stderr.close()

    def ask(self, *command):
        told = run([self.program, "--data", self.data, "--json", *command], keep_output=True)
        return json.loads(told.output)

    def mode(self):
        return self.ask("status")["roots"][0]["mode"]

    def resident_mb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        raise Failure("the system does not tell how much memory the service had")


# --- latency ------------------------------------------------------------------------------------------


def wait_for_row(tables, path, seconds=30):
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        if tables.execute("SELECT 1 FROM asset WHERE path = ?", (path,)).fetchone():
            return time.perf_counter()
        time.sleep(0.00002)
    raise Failure(f"'{path}' is not in the tables after {seconds} s")


def latencies(service, folder, count, generator):
    """Milliseconds of each file."""
    measured = []
    with contextlib.closing(sqlite3.connect(f"file:{service.data}/podstudio.db?mode=ro", uri=True)) as tables:
        for i in range(count):
            path = f"{folder}/new {i:05}.png"
            content = generator.randbytes(generator.randint(1 << 10, 64 << 10))
            with open(path, "wb") as file:
                file.write(content)
            closed = time.perf_counter()
            measured.append((wait_for_row(tables, path) - closed) * 1000)
    return sorted(measured)


def background_import(service, folder, generator):
    """An import that goes on for as long as it is not ended."""
    os.makedirs(folder)
    for i in range(200):
        with open(f"{folder}/large {i}.mp4", "wb") as file:
            file.write(generator.randbytes(4 << 20) * 8)
    return subprocess.Popen([service.program, "--data", service.data, "--json", "import", folder],
                            stdout=subprocess.DEVNULL)


def measure_latency(options, folder):
    generator = random.Random(SEED)
    root = f"{folder}/watched"
    os.makedirs(root)
    rows = []
    with Service(options.program, f"{folder}/data", root) as service:
        service.ask("sync")
        for name in ("at rest", "beside an import"):
            os.makedirs(f"{root}/{name}")
            importing = None
            if name != "at rest":
                say("making files to import...")
                importing = background_import(service, f"{folder}/imported", generator)
            say(f"latency {name}...")
            told = latencies(service, f"{root}/{name}", options.files, generator)
            beside = importing is not None and importing.poll() is None
            if importing is not None:
                importing.wait()
                if not beside:
                    name += " (it ended early)"
            at = lambda share: told[min(len(told) - 1, int(share * len(told)))]
            figures = (sum(told) / len(told), at(0.5), at(0.9), at(0.99), told[-1])
            rows.append((name, len(told), *(number(x, 2) for x in figures)))
    print(aligned(["close to row, ms", "files", "mean", "p50", "p90", "p99", "max"], rows))


# --- rescan -------------------------------------------------------------------------------------------


def make_tree(root, count, per_folder=1000):
    """Small files without blocks of their own, so that a million fit anywhere."""
    for i in range(count):
        folder = f"{root}/set {i // per_folder:05}"
        if i % per_folder == 0:
            os.makedirs(folder)
        descriptor = os.open(f"{folder}/picture {i:07}.png", os.O_CREAT | os.O_WRONLY, 0o644)
        os.ftruncate(descriptor, 1 + i % 8000)
        os.close(descriptor)


def scanned(service):
    while service.mode() == "scanning":
        time.sleep(0.02)
        if service.process.poll() is not None:
            raise Failure("the service ended while it scanned")
    return time.perf_counter() - service.begun


def measure_rescan(options, folder):
    root, data = f"{folder}/tree", f"{folder}/library"
    say(f"making {options.tree:,} files...")
    make_tree(root, options.tree)
    say("cataloguing them...")
    run([options.program, "--data", data, "--json", "import", root], timeout_seconds=3600)
    # The first start gives every asset its root's watch; it is as much a rescan as the next.
    finds, starts, ready, resident = [], [], [], []
    for i in range(options.runs):
        say(f"rescan {i + 1} of {options.runs}...")
        with open(os.devnull, "wb") as nowhere:
            begun = time.perf_counter()
            subprocess.run(["find", root, "-printf", "%p %s %T@\\n"], stdout=nowhere, check=True)
            finds.append(time.perf_counter() - begun)
        with Service(options.program, data, root) as service:
            starts.append(scanned(service))
            ready.append(service.ready_seconds)
            resident.append(service.resident_mb())
            status = service.ask("status")
            if status["assets"] != {**status["assets"], "total": options.tree, "missing": 0}:
                raise Failure(f"the tables hold {status['assets']}, not {options.tree} files")
    run([options.program, "--data", data, "replay", "--check"], timeout_seconds=3600)
    print(aligned(["rescan of unchanged files", "files", "seconds", "of find's time"], [
        ("find -printf", number(options.tree), number(median(finds), 2), "1.00"),
        ("service, from its start", number(options.tree), number(median(starts), 2),
         number(median(starts) / median(finds), 2)),
        ("  of it until ready", "", number(median(ready), 2), ""),
        ("  of it comparing", "", number(median(s - r for s, r in zip(starts, ready)), 2),
         number(median(s - r for s, r in zip(starts, ready)) / median(finds), 2))]))
    print(f"largest resident memory of the service: {number(max(resident))} MB")


# --- storm --------------------------------------------------------------------------------------------


def storm(root, operations, generator):
    """Changes without a pause; what the folder holds afterwards, by path."""
    files, made = [], 0
    for _ in range(20):
        os.makedirs(f"{root}/folder {_}", exist_ok=True)
    for _ in range(operations):
        kind = generator.random()
        if kind < 0.5 or len(files) < 50:
            path = f"{root}/folder {generator.randrange(20)}/file {made}.png"
            made += 1
            with open(path, "wb") as file:
                file.write(generator.randbytes(generator.randint(1, 2000)))
            files.append(path)
            continue
        at = generator.randrange(len(files))
        if kind < 0.7:
            path = f"{root}/folder {generator.randrange(20)}/moved {made}.png"
            made += 1
            os.rename(files[at], path)
            files[at] = path
        elif kind < 0.85:
            with open(files[at], "ab") as file:
                file.write(b"more")
        else:
            os.unlink(files[at])
            files[at] = files[-1]
            files.pop()
    return set(files)


def storm_seen_by_engine(options, folder):
    root = f"{folder}/engine's"
    os.makedirs(root)
    with Service(options.program, f"{folder}/storm data", root) as service:
        service.ask("sync")
        truth = storm(root, options.operations, random.Random(SEED))
        begun = time.perf_counter()
        service.ask("sync", "--timeout", "600")
        seconds = time.perf_counter() - begun
        with contextlib.closing(sqlite3.connect(f"file:{service.data}/podstudio.db?mode=ro", uri=True)) as tables:
            known = dict(tables.execute("SELECT path, hash FROM asset JOIN asset_file ON asset_id = id"
                                        " WHERE missing_since IS NULL"))
    wrong = len(truth ^ known.keys())
    for path in truth & known.keys():
        with open(path, "rb") as file:
            wrong += hashlib.sha256(file.read()).hexdigest() != known[path]
    return seconds, wrong


def storm_seen_by_watchman(options, folder):
    root = f"{folder}/watchman's"
    os.makedirs(root)
    state = f"{folder}/watchman"
    os.makedirs(state, mode=0o700)
    client = ["watchman", f"--sockname={state}/socket", f"--logfile={state}/log", f"--statefile={state}/state",
              f"--pidfile={state}/pid"]
    ask = lambda *what: json.loads(run([*client, *what], keep_output=True).output)
    ask("watch", root)
    try:
        truth = storm(root, options.operations, random.Random(SEED))
        begun = time.perf_counter()
        # A query waits until a cookie file that it makes has been seen.
        told = ask("find", root, "*.png", "**/*.png")
        seconds = time.perf_counter() - begun
        known = {f"{root}/{each['name']}" for each in told["files"] if each.get("exists", True)}
        return seconds, len(truth ^ known)
    finally:
        ask("shutdown-server")


def measure_storm(options, folder):
    rows = []
    say("storm under the engine...")
    rows.append(("podstudio: paths, digests, durable", *storm_seen_by_engine(options, folder)))
    if shutil.which("watchman"):
        say("storm under watchman...")
        rows.append(("watchman: paths", *storm_seen_by_watchman(options, folder)))
    else:
        say("watchman is not installed ('apt-get install watchman'): left out")
    print(aligned([f"{number(options.operations)} changes at once", "known after, s", "wrong"],
                  [(name, number(seconds, 2), wrong) for name, seconds, wrong in rows]))


MEASURES = {"latency": measure_latency, "rescan": measure_rescan, "storm": measure_storm}


def main(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench watch", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"{', '.join(MEASURES)}; all of them where none is named")
    parser.add_argument("--program", help="the program to measure (the release build in build/)")
    parser.add_argument("--folder", help="where to make the files: on a disk (build/)")
    parser.add_argument("--files", type=int, default=2000, help="of latency (2000)")
    parser.add_argument("--tree", type=int, default=1_000_000, help="files of rescan (1000000)")
    parser.add_argument("--runs", type=int, default=3, help="of rescan (3)")
    parser.add_argument("--operations", type=int, default=20_000, help="of storm (20000)")
    parser.add_argument("--real-time", action="store_true", help="go before other processes; needs root")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.what if name not in MEASURES]
    if unknown:
        parser.error(f"there is no measure '{unknown[0]}'; there are {', '.join(MEASURES)}")
    options.program = str(find_program(options.program))
    if options.real_time:
        become_real_time()
    with temporary_folder(options.folder) as folder:
        print(json.dumps(machine(folder)))
        for name in options.what or MEASURES:
            print()
            MEASURES[name](options, str(folder))
    return 0

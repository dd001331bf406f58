# SPDX-License-Identifier: MIT
"""Exporting a pack: the rate at which approved files become a verified archive, against copying the same bytes.

The same sounds, with random samples, are exported by the engine (`pack export`, until it answers: hashed while they
are copied, the archive read back and checked entry by entry, synced and renamed), copied by `cp` and synced, and put
into an archive by `zip -0` and by Python's zipfile, each of which is synced too. Nothing else than the engine hashes or
reads back. All find the files in the caches. After each run, the archive is checked by `pack verify` and `unzip -t`.
Rates are of the files' bytes; each round runs all in turn, and figures are medians.
"""

import argparse
import json
import os
import random
import shutil
import struct
import sys
import time

from benchmarks.support import (Failure, aligned, find_program, machine, median, number, require, run, say,
                                temporary_folder)
from benchmarks.watch import Service

SEED = 20260501
TARGET = 0.8  # of the rate of `cp`
SETS = {"large": (200, 10 << 20), "small": (5_000, 40 << 10)}  # files, bytes a file
ZIPFILE = """
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_STORED) as archive:
    for name in sorted(os.listdir(sys.argv[2])):
        archive.write(os.path.join(sys.argv[2], name), name)
"""


def make_sounds(folder, count, size):
    """Files in the WAVE format: 16 bit, mono, 44,100 Hz."""
    generator = random.Random(SEED + size)
    os.makedirs(folder)
    for i in range(count):
        samples = generator.randbytes(size // 2 * 2)
        header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 44_100,
                             88_200, 2, 16, b"data", len(samples))
        with open(f"{folder}/sound {i:05}.wav", "wb") as file:
            file.write(header + samples)


def seconds_of(command, synced):
    """From the start of a program until what it wrote is on the disk."""
    begin = time.perf_counter()
    run(command)
    run(["sync", "-f", synced])
    return time.perf_counter() - begin


def export(service, pack, path):
    begin = time.perf_counter()
    service.ask("pack", "export", str(pack), "--output", path)
    seconds = time.perf_counter() - begin
    run([service.program, "pack", "verify", path])
    run(["unzip", "-tqq", path])
    return seconds


def measure(options, folder, name):
    count, size = SETS[name]
    sounds, made = f"{folder}/{name}", f"{folder}/made"
    say(f"making {number(count)} files of {number(size)} bytes...")
    make_sounds(sounds, count, size)
    total = sum(entry.stat().st_size for entry in os.scandir(sounds))
    times = {"podstudio": [], "cp": [], "zip -0": [], "zipfile": []}
    with Service(options.program, f"{folder}/data-{name}", sounds) as service:
        service.ask("sync")
        service.ask("asset", "approve", "--all-matching")
        service.ask("pack", "setup", "--author", "Bench")
        service.ask("pack", "create", name, "--license", "royalty_free")
        ids = [str(asset["id"]) for asset in service.ask("asset", "list")]
        for begin in range(0, len(ids), 1000):
            service.ask("pack", "add", "1", *ids[begin:begin + 1000])
        wait_until_read(service, count)
        for turn in range(options.rounds):
            say(f"round {turn + 1} of {options.rounds}...")
            for what in times:
                os.makedirs(made)
                target = f"{made}/archive.zip"
                if what == "podstudio":
                    times[what].append(export(service, 1, target))
                elif what == "cp":
                    times[what].append(seconds_of(["cp", "-r", sounds, made], made))
                elif what == "zip -0":
                    times[what].append(seconds_of(["zip", "-0", "-q", "-r", "-j", target, sounds], made))
                else:
                    times[what].append(seconds_of([sys.executable, "-c", ZIPFILE, target, sounds], made))
                shutil.rmtree(made)
    shutil.rmtree(sounds)
    copied = median(times["cp"])
    rows = [(what, f"{median(taken):.2f}", number(total / median(taken) / 1e6), f"{copied / median(taken):.2f}")
            for what, taken in times.items()]
    print(aligned((f"{number(count)} files, {number(total / 1e6)} MB", "seconds", "MB/s", "of cp's rate"), rows))
    print(f"target: {TARGET} of cp's rate")


def wait_until_read(service, count, seconds=600):
    """Until a service has read the facts of all files, so that nothing runs beside the export."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        jobs = service.ask("status")["jobs"]
        unread = service.ask("asset", "list", "--unread", "--limit", "1")
        if not unread and jobs["pending"] == 0 and jobs["running"] == 0:
            return
        time.sleep(0.5)
    raise Failure(f"the {count} files were not read within {seconds} s")


def main(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench export", description=__doc__.splitlines()[0])
    parser.add_argument("--program", help="the program to measure (default: the release in build/)")
    parser.add_argument("--folder", help="where to work (default: build/); a real disk")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", choices=[*SETS, "all"], default="all")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        raise Failure("--rounds: at least one")
    require("cp", "zip", "unzip", "sync")
    options.program = str(find_program(options.program))
    with temporary_folder(options.folder) as folder:
        print(json.dumps(machine(folder)))
        for name in SETS if options.files == "all" else [options.files]:
            measure(options, folder, name)
    return 0

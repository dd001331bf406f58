# SPDX-License-Identifier: MIT
"""Questions beside long ones, starts beside clients, commands beside a flood of strangers: how long they take.

questions: `asset list --limit 5` and `status` from exec to exit, while three `asset duplicates` run without a
pause, in a library half of which is duplicated; as long as the service indexes what it imported, and at rest. For
reference, what a start of a program costs meanwhile: `sqlite3` that prints five rows of the same tables, and
`podstudio --version`. The largest answer of `asset duplicates` and the service's memory are told too.

starts: `podstudio serve` to `ready`, over and over, beside clients that ask for `status` without a pause. Each start
must succeed.

flood: the owner's `asset set` and `status` from exec to exit, beside strangers that make connections to the console's
port, 1,000 a second: they hang up, stay silent, send garbage, or the first message of a TLS handshake and no more. The
service's memory before, during and after is told too.
"""

import argparse
import collections
import json
import os
import socket
import ssl
import subprocess
import threading
import time

from benchmarks.replay import resident_mb, wait_until_idle
from benchmarks.support import (Failure, aligned, become_real_time, find_program, machine, number, run, say,
                                temporary_folder)
from benchmarks.watch import Service

TARGET_P99_MS = {"asset list --limit 5": 100, "status": 200}
TARGET_RESIDENT_MB = 200
LONG_ONES = 3
CLIENTS = 4


def at(share, values):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def content(i, count):
    """Every other file has a content of its own, the others have one in threes."""
    return b"%d" % i if i % 2 else b"copy %d" % (i // 2 % (count // 6 + 1))


def copies(count):
    """How many contents are in several files, and these files."""
    times = collections.Counter(content(i, count) for i in range(0, count, 2))
    return sum(n > 1 for n in times.values()), sum(n for n in times.values() if n > 1)


def make_library(root, count, per_folder=1000):
    """Small files."""
    for i in range(count):
        folder = f"{root}/set {i // per_folder:05}"
        if i % per_folder == 0:
            os.makedirs(folder)
        descriptor = os.open(f"{folder}/picture {i:07}.png", os.O_CREAT | os.O_WRONLY, 0o644)
        os.write(descriptor, content(i, count))
        os.close(descriptor)


class Repeated:
    """Threads that do something without a pause, until the end of the context."""

    def __init__(self, count, work):
        self.ending, self.failure, self.milliseconds, self.work = threading.Event(), None, [], work
        self.threads = [threading.Thread(target=self.go_on) for _ in range(count)]

    def go_on(self):
        try:
            while not self.ending.is_set():
                begun = time.perf_counter()
                self.work()
                self.milliseconds.append((time.perf_counter() - begun) * 1000)
        except Exception as reason:  # told where the context ends
            self.failure = reason

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure


# --- questions ----------------------------------------------------------------------------------------


def ask_beside_long_ones(program, data, calls):
    """Milliseconds of each question, and of the long ones meanwhile."""
    command = [program, "--data", data, "--json"]

    def quick(words):
        begun = time.perf_counter()
        subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        return (time.perf_counter() - begun) * 1000

    quick_ones = {question: [*command, *question.split()] for question in TARGET_P99_MS}
    quick_ones["reference: podstudio --version"] = [program, "--version"]
    quick_ones["reference: sqlite3, five rows"] = ["sqlite3", "-readonly", f"{data}/podstudio.db",
                                                   "SELECT * FROM asset ORDER BY id LIMIT 5"]
    measured = {name: [] for name in quick_ones}
    long_one = lambda: subprocess.run([*command, "asset", "duplicates"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, check=True)
    with Repeated(LONG_ONES, long_one) as beside:
        for _ in range(calls):
            for name, words in quick_ones.items():
                measured[name].append(quick(words))
    measured["asset duplicates"] = beside.milliseconds
    return measured


def measure_questions(options, folder):
    for count in options.files:
        root, data = f"{folder}/library {count}", f"{folder}/data {count}"
        say(f"making {count:,} files...")
        make_library(root, count)
        rows, memory = [], []
        with Service(options.program, data) as service:
            say("importing them...")
            run([options.program, "--data", data, "--json", "import", root], timeout_seconds=3600)
            for when in ("beside indexing", "at rest"):
                if when == "at rest":
                    say("waiting until all is indexed...")
                    wait_until_idle(service.process, 1800)
                say(f"asking {when}...")
                for question, times in ask_beside_long_ones(options.program, data, options.calls).items():
                    target = TARGET_P99_MS.get(question)
                    rows.append([f"{question}, {when}", len(times),
                                 *(number(x, 1) for x in (at(0.5, times), at(0.99, times), max(times))),
                                 target or "", "" if not target else "yes" if at(0.99, times) < target else "NO"])
                memory.append((when, resident_mb(service.process.pid, "VmRSS:"),
                               resident_mb(service.process.pid, "VmHWM:")))
            found = service.ask("asset", "duplicates", "--limit", "1")
            if (total := service.ask("status")["assets"]["total"]) != count:
                raise Failure(f"the tables hold {total} assets, not {count}")
            if (found["groups"], found["files"]) != (expected := copies(count)):
                raise Failure(f"there are {found['groups']} groups of {found['files']} files, not {expected}")
        print(aligned([f"beside {LONG_ONES} 'asset duplicates', {number(count)} files, ms", "calls", "p50", "p99", "max",
                       "target p99", "met"], rows))
        for when, resident, largest in memory:
            print(f"resident memory of the service {when}: {number(resident)} MB, at most {number(largest)} MB"
                  f" (target {TARGET_RESIDENT_MB} MB)")


# --- starts -------------------------------------------------------------------------------------------


def measure_starts(options, folder):
    root, data = f"{folder}/small", f"{folder}/small data"
    make_library(root, 100)
    run([options.program, "--data", data, "--json", "import", root])
    poll = lambda: subprocess.run([options.program, "--data", data, "status"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    say("starting beside clients...")
    ready, failures = [], []
    with Repeated(CLIENTS, poll):
        for _ in range(options.starts):
            try:
                with Service(options.program, data) as service:
                    ready.append(service.ready_seconds * 1000)
            except Failure as failure:
                failures.append(str(failure))
    print(aligned([f"starts beside {CLIENTS} clients that ask for 'status', ms", "starts", "succeeded", "p50", "max"],
                  [["serve to ready", options.starts, len(ready), number(at(0.5, ready), 1) if ready else "",
                    number(max(ready), 1) if ready else ""]]))
    if failures:
        raise Failure(f"{len(failures)} of {options.starts} starts failed, the first: {failures[0]}")


# --- flood --------------------------------------------------------------------------------------------


def client_hello():
    """The first message of a handshake, as OpenSSL sends it."""
    context = ssl.create_default_context()
    outgoing = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Flood:
    """Connections of strangers at a steady rate, each open for a second at most, until the end of the context."""

    def __init__(self, port, a_second):
        self.port, self.a_second = port, a_second
        self.made, self.late, self.ending, self.failure = 0, 0.0, threading.Event(), None
        self.thread = threading.Thread(target=self.go_on)

    def go_on(self):
        try:
            self.connect_on_and_on()
        except OSError as reason:  # told where the context ends
            self.failure = reason

    def connect_on_and_on(self):
        sends = [None, b"", b"GET / HTTP/1.1\r\n\r\n" * 10, client_hello()]
        is_open = collections.deque()
        begun = time.perf_counter()
        while not self.ending.is_set():
            due = begun + self.made / self.a_second
            now = time.perf_counter()
            if now < due:
                time.sleep(due - now)
            self.late = max(self.late, now - due)
            with_bytes = sends[self.made % len(sends)]
            connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            self.made += 1
            if with_bytes is None:
                connection.close()
                continue
            connection.send(with_bytes)
            is_open.append((now, connection))
            while is_open and is_open[0][0] < now - 1:
                is_open.popleft()[1].close()
        for _, connection in is_open:
            connection.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        if self.failure:
            raise Failure(f"the flood ended: {self.failure}")


def measure_flood(options, folder):
    root, data = f"{folder}/few", f"{folder}/few data"
    make_library(root, 100)
    command = [options.program, "--data", data]
    rows, memory = [], []

    def ask(service, when):
        for words in (["asset", "set", "1"], ["status"]):
            times = []
            for i in range(options.calls):
                begun = time.perf_counter()
                subprocess.run([*command, *words, *(["--theme", f"{when} {i}"] if words[0] == "asset" else [])],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
                times.append((time.perf_counter() - begun) * 1000)
            rows.append([f"{' '.join(words)}, {when}", len(times),
                         *(number(x, 1) for x in (at(0.5, times), at(0.99, times), max(times)))])
        memory.append((when, resident_mb(service.process.pid, "VmRSS:")))

    with Service(options.program, data) as service:
        run([*command, "import", root])
        with open(f"{data}/run/console.json", encoding="ascii") as address:
            port = json.load(address)["port"]
        ask(service, "before")
        with Flood(port, options.a_second) as flood:
            begun = time.perf_counter()
            ask(service, "beside")
            rate = flood.made / (time.perf_counter() - begun)
        wait_until_idle(service.process, 60)
        ask(service, "after")
        refused = service.ask("status").get("console", {}).get("refused")
    print(aligned([f"beside {number(rate)} connections a second without the key, ms", "calls", "p50", "p99", "max"], rows))
    print("resident memory of the service: " + ", ".join(f"{number(mb, 1)} MB {when}" for when, mb in memory))
    print(f"refused: {json.dumps(refused)}; the flood was late by {number(flood.late * 1000)} ms at most")


MEASURES = {"questions": measure_questions, "starts": measure_starts, "flood": measure_flood}


def main(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench latency", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"{', '.join(MEASURES)}; all where none is named")
    parser.add_argument("--program", help="the program to measure (the release build in build/)")
    parser.add_argument("--folder", help="where to make the files: on a disk (build/)")
    parser.add_argument("--files", type=int, action="append",
                        help="of a library; give it again for another one (120000 and 1000000)")
    parser.add_argument("--calls", type=int, default=200, help="of each question (200)")
    parser.add_argument("--starts", type=int, default=30, help="of the service (30)")
    parser.add_argument("--a-second", type=int, default=1000, help="connections of the flood (1000)")
    parser.add_argument("--real-time", action="store_true", help="go before other processes; needs root")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.what if name not in MEASURES]
    if unknown:
        parser.error(f"there is no measure '{unknown[0]}'; there are {', '.join(MEASURES)}")
    options.files = options.files or [120_000, 1_000_000]
    if min([*options.files, options.calls, options.starts]) < 1:
        parser.error("counts are positive")
    options.program = str(find_program(options.program))
    if options.real_time:
        become_real_time()
    with temporary_folder(options.folder) as folder:
        print(json.dumps(machine(folder)))
        for name in options.what or MEASURES:
            print()
            MEASURES[name](options, str(folder))
    return 0

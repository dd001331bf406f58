# SPDX-License-Identifier: MIT
"""Durable appends: the engine's log against a raw fdatasync, SQLite and PostgreSQL; and reading a log back.

A client appends one event of about 150 bytes, waits until it is durable, and appends the next; in batches
it appends many in one command or transaction. All stores take the same events on the same disk, one after
the other in every round, and after each turn its events are counted (and the log verified) before a rate
is told.
- raw: a write of 4 KiB into a file that is filled with zeros, and fdatasync. One client.
- journal: the engine's log as the service has it, the actor and its group commit included, the tables not.
- writer: the same log without the actor. One client.
- SQLite: WAL, synchronous=FULL. The clients share one connection, as it has one writer at a time anyway:
  that is quicker than a connection each, which would wait for the lock by sleeping.
- PostgreSQL: Debian's, as it is set up by itself, in a private cluster on a Unix socket; a connection a
  client, a prepared INSERT an event, COPY a batch.
"""

import argparse
import contextlib
import glob
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import time

from benchmarks.support import (REPOSITORY, Failure, aligned, become_real_time, build_options, build_step,
                                find_program, machine, median, number, openssl_speed, parse_size, require, run, say,
                                temporary_folder)

CLIENTS = (1, 8, 64)
TARGET_RAW = 0.8            # of the raw rate, for one client
TARGET_EVENTS = 200_000     # a second, for 64 clients in batches


class Load:
    def __init__(self, clients, batch):
        self.clients = clients
        self.batch = batch

    def __str__(self):
        who = "1 client" if self.clients == 1 else f"{self.clients} clients"
        return who if self.batch == 1 else f"{who}, {self.batch} a batch"


# --- the stores ---------------------------------------------------------------------------------------


class Bench:
    """The program that makes one measurement a run."""

    def __init__(self, program, folder, seconds):
        self.program = program
        self.folder = folder
        self.seconds = seconds

    def tell(self, mode, *arguments):
        return json.loads(run([str(self.program), mode, *map(str, arguments)], keep_output=True).output)

    def rate(self, store, load, folder=None):
        """Events a second."""
        fresh = self.folder / "fresh"
        if folder is None:
            fresh.mkdir()
        try:
            told = self.tell(store, folder or fresh, load.clients, load.batch, self.seconds)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return told["events"] / told["seconds"]


class Postgres:
    """A cluster of its own. The server does not run as root, so it then runs as the user postgres."""

    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not found:
            raise Failure("missing: PostgreSQL; install postgresql and libpq-dev, or leave it out with --no-postgres")
        self.programs = pathlib.Path(found[-1])
        self.as_user = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self.as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.folder = folder / "postgres"
        self.folder.mkdir(mode=0o700)
        if self.as_user:
            folder.chmod(0o711)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.data = self.folder / "data"
        made = subprocess.run([self.programs / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust"],
                              capture_output=True, text=True, cwd="/", **self.as_user)
        if made.returncode != 0:
            raise Failure(f"cannot make a cluster of PostgreSQL: {made.stderr.strip()}; the user postgres has to "
                          f"reach '{folder}', see --folder")

    def version(self):
        told = subprocess.run([self.programs / "postgres", "--version"], capture_output=True, text=True)
        return told.stdout.split()[-1] if "(" not in told.stdout else told.stdout.split()[2]

    @contextlib.contextmanager
    def running(self):
        """Only while it is measured, so that its own cleaning up disturbs nobody."""
        with open(self.folder / "server.log", "ab") as log:
            server = subprocess.Popen([self.programs / "postgres", "-D", self.data, "-k", self.folder,
                                       "-c", "listen_addresses="],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self.as_user)
        try:
            self.wait_until_ready(server)
            yield
        finally:
            server.send_signal(signal.SIGINT)  # fast: clients are cut off, the cluster is closed properly
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.send_signal(signal.SIGQUIT)
                server.wait()

    def wait_until_ready(self, server):
        asking = [self.programs / "pg_isready", "-q", "-h", self.folder, "-U", "postgres"]
        deadline = time.monotonic() + 60
        while subprocess.run(asking).returncode != 0:
            if server.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"PostgreSQL does not start: {(self.folder / 'server.log').read_text()[-1000:]}")
            time.sleep(0.05)


# --- measuring ----------------------------------------------------------------------------------------


def measure_appends(bench, postgres, loads, runs):
    """{store: {load: [events a second, ...]}}; in every round each store has its turn."""
    rates = {store: {load: [] for load in loads} for store in ("raw", "journal", "writer", "SQLite", "PostgreSQL")}
    for i in range(runs):
        for load in loads:
            say(f"appends, {load}: run {i + 1} of {runs}")
            if load.clients == 1:
                rates["raw"][load].append(bench.rate("raw", load))
                rates["writer"][load].append(bench.rate("writer", load))
            rates["journal"][load].append(bench.rate("journal", load))
            rates["SQLite"][load].append(bench.rate("sqlite", load))
        if postgres:
            say(f"appends, PostgreSQL: run {i + 1} of {runs}")
            with postgres.running():
                for load in loads:
                    rates["PostgreSQL"][load].append(bench.rate("postgres", load, postgres.folder))
    return {store: {load: values for load, values in by_load.items() if values}
            for store, by_load in rates.items()}


def measure_reading(bench, folder, size, runs):
    """{what: [MB/s, ...]} of one log."""
    log = folder / "read"
    say("making a log to read")
    made = bench.tell("fill", log, size)
    os.sync()
    rates = {what: [] for what in ("checksum", "openssl", "verify", "read")}
    for i in range(runs):
        say(f"reading: run {i + 1} of {runs}")
        rates["openssl"].append(openssl_speed())
        for what in ("checksum", "verify", "read"):
            told = bench.tell(what, log)
            if what != "checksum" and (told["events"], told["appends"]) != (made["events"], made["appends"]):
                raise Failure(f"'{what}' found {told} in a log of {made}")
            # The checksums are over the files, of which all but a few MB are frames.
            size_bytes = made["bytes"] if what != "checksum" else sum(p.stat().st_size for p in log.glob("*.log"))
            rates[what].append(size_bytes / told["seconds"] / 1e6)
    shutil.rmtree(log)
    return made, rates


# --- the report ---------------------------------------------------------------------------------------


def verdict(value, target):
    return {"value": round(value, 3), "target": target, "met": value >= target}


def append_lines(rates):
    lines = []
    for load, engine in rates["journal"].items():
        line = {"load": str(load), "clients": load.clients, "batch": load.batch, "targets": {}}
        for store, by_load in rates.items():
            if load in by_load:
                line[store] = round(median(by_load[load]), 1)
        mine = median(engine)
        for store in ("raw", "SQLite", "PostgreSQL"):
            if store in line:
                line[f"to {store}"] = round(median(a / b for a, b in zip(engine, rates[store][load])), 3)
        if load.clients == 1 and load.batch == 1:
            line["targets"][f"{TARGET_RAW} of raw"] = verdict(line["to raw"], TARGET_RAW)
        if load.clients == 64 and load.batch > 1:
            line["targets"][f"{number(TARGET_EVENTS)} events/s"] = verdict(mine, TARGET_EVENTS)
        for store in ("SQLite", "PostgreSQL"):
            if store in line:
                line["targets"][f"ahead of {store}"] = verdict(line[f"to {store}"], 1.0)
        lines.append(line)
    return lines


def show(report):
    host = report["machine"]
    print(f"{host['cores']} cores, {host['cpu']}{', SHA instructions' if host['sha_instructions'] else ''}, "
          f"{host['memory_gb']} GB; Linux {host['kernel']}, {host['file_system']}; load {host['load_before']} before")
    built = ", ".join(f"{k} {v}" for k, v in report["build"].items()) or "unknown build"
    print(f"{report['program']} ({built})")
    versions = ", ".join(f"{k} {v}" for k, v in report["versions"].items())
    print(f"{versions}; medians of {report['runs']} rounds of {report['seconds_each']} s, taking turns"
          f"{'; at real-time priority' if report['real_time'] else ''}\n")
    stores = ["raw", "writer", "journal", "SQLite", "PostgreSQL"]
    ratios = ["to raw", "to SQLite", "to PostgreSQL"]
    rows = []
    for line in report["appends"]:
        cells = [line["load"]] + [number(line[s]) if s in line else "-" for s in stores]
        rows.append(cells + [number(line[r], 2) if r in line else "-" for r in ratios])
    print("durable appends, events/s; the ratios are the journal's, medians of those of each round")
    print(aligned(["load"] + stores + ratios, rows))
    print()
    print(aligned(["load", "target", "reached", "met"],
                  [[line["load"], name, number(t["value"], 0 if t["value"] > 1000 else 2), "yes" if t["met"] else "NO"]
                   for line in report["appends"] for name, t in line["targets"].items()], 2))
    if report["reading"]:
        reading = report["reading"]
        print(f"\nreading a log of {number(reading['bytes'] / 1e6)} MB, {number(reading['appends'])} commands, "
              f"{number(reading['events'])} events, from the page cache")
        print(aligned(["what", "MB/s", "to SHA-256 and CRC", "events/s"],
                      [[what, number(r["mb_a_second"]), number(r["to_checksum"], 2),
                        number(r["events_a_second"]) if r["events_a_second"] else "-"]
                       for what, r in reading["rates"].items()]))


NAMES_OF_READING = {"openssl": "openssl speed sha256", "checksum": "SHA-256 and CRC-32C of the files",
                    "verify": "verify_log", "read": "log_reader"}


def reading_report(made, rates):
    plain = rates["checksum"]
    out = {}
    for what, name in NAMES_OF_READING.items():
        rate = median(rates[what])
        events = rate * 1e6 / made["bytes"] * made["events"] if what in ("verify", "read") else None
        out[name] = {"mb_a_second": round(rate, 1), "events_a_second": events and round(events),
                     "to_checksum": round(median(a / b for a, b in zip(rates[what], plain)), 3)}
    return {**{key: made[key] for key in ("bytes", "appends", "events")}, "rates": out}


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench log", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="rounds, in each of which every store has its turn (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn (2)")
    parser.add_argument("--batch", type=int, default=100, help="events a command or transaction in batches (100)")
    parser.add_argument("--read-bytes", type=parse_size, default=parse_size("256M"),
                        help="of the log that is read (256M; 0 leaves it out)")
    parser.add_argument("--no-postgres", action="store_true", help="leave PostgreSQL out")
    parser.add_argument("--program", help="the log_bench to measure with (the release build in build/)")
    parser.add_argument("--folder", help="where to make the logs, on a disk (build/)")
    parser.add_argument("--real-time", action="store_true",
                        help="run all of it ahead of whatever else runs on the machine (root only)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args(arguments)
    if options.runs < 1 or options.seconds <= 0 or options.batch < 2 or options.read_bytes < 0:
        parser.error("counts are positive, and a batch is of 2 events at least")
    return options


def main(arguments):
    options = parse(arguments)
    require("openssl")
    if not options.no_postgres:
        build_step([str(REPOSITORY / "tools/bootstrap"), "postgresql", "libpq-dev"])
    program = find_program(options.program, "tools/benchmarks/log_bench")
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
    bench = Bench(program, folder, options.seconds)
    postgres = None if options.no_postgres else Postgres(folder)
    loads = [Load(clients, 1) for clients in CLIENTS] + [Load(CLIENTS[-1], options.batch)]
    rates = measure_appends(bench, postgres, loads, options.runs)
    reading = measure_reading(bench, folder, options.read_bytes, options.runs) if options.read_bytes else None
    versions = bench.tell("versions")
    if postgres:
        versions["PostgreSQL"] = postgres.version()
    return {
        "benchmark": "log",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": host,
        "program": str(program),
        "build": build_options(program),
        "versions": versions,
        "runs": options.runs,
        "seconds_each": options.seconds,
        "real_time": options.real_time,
        "appends": append_lines(rates),
        "reading": reading_report(*reading) if reading else None,
        "rates": {store: {str(load): [round(v, 1) for v in values] for load, values in by_load.items()}
                  for store, by_load in rates.items()},
    }

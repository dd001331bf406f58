# SPDX-License-Identifier: MIT
"""Tables from the log: a rebuild against inserting the final rows; start, memory and queries of a large library.

rebuild: a log of registered files and of labels, rebuilt into tables, against inserting the same final rows
from memory into a fresh database: no journal, one transaction, indexes last, the same cache. Both end durable.
They take turns; every value of the two databases is compared, and with tables that were folded as the
service folds.

service: from its start to `ready` over those tables, its resident memory at rest, what the models allocate,
and how long `asset list` takes from start to exit with each filter, 100 rows; each first page is compared with
what SQLite finds by itself.
"""

import argparse
import contextlib
import json
import os
import sqlite3
import time

from benchmarks.support import (Failure, aligned, become_real_time, build_step, find_program, machine, median,
                                number, run, say, temporary_folder)
from benchmarks.watch import Service

TARGET_RATE = 0.9           # of the reference's rows a second
TARGET_READY_SECONDS = 3
TARGET_MODEL_BYTES = 150
TARGET_RESIDENT_MB = 150
TARGET_QUERY_MS = 50
PAGE = 100

# The options of `asset list`, and what they mean in SQL.
FILTERS = [
    ([], "1"),
    (["--type", "audio"], "type = 'audio'"),
    (["--theme", "theme 7"], "theme = 'theme 7'"),
    (["--provenance", "enhanced"], "provenance = 'enhanced'"),
    (["--approved"], "approved"),
    (["--unapproved"], "NOT approved"),
    (["--missing"], "id IN (SELECT asset_id FROM asset_file WHERE missing_since IS NOT NULL)"),
    (["--tag", "tag 3"], "id IN (SELECT asset_id FROM asset_tag WHERE tag = 'tag 3')"),
    (["--duplicates"], "id IN (SELECT id FROM asset JOIN asset_file ON asset_id = id"
                       " WHERE missing_since IS NULL AND size_bytes > 0 AND hash IN"
                       " (SELECT hash FROM asset JOIN asset_file ON asset_id = id"
                       "  WHERE missing_since IS NULL AND size_bytes > 0 GROUP BY hash"
                       "  HAVING count(DISTINCT device || ' ' || CASE inode WHEN 0 THEN -id ELSE inode END) > 1))"),
    (["--search", "castle"], "path LIKE '%castle%'"),
    (["--search", "ven quar"], "path LIKE '%ven%' AND path LIKE '%quar%'"),
    (["--search", "midjourney v7"], "source = 'Midjourney v7'"),
    (["--search", "amber 999"], "path LIKE '%amber%' AND path LIKE '%999%'"),
    (["--search", "nowhere"], "0"),
]


class Steps:
    """The program that makes each step."""

    def __init__(self, program):
        self.program = program

    def __call__(self, *arguments):
        return json.loads(run([str(self.program), *map(str, arguments)], keep_output=True).output)


def remove_tables(*paths):
    for path in paths:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{path}{suffix}")


def verdict(value, target, met):
    return {"value": round(value, 3), "target": target, "met": bool(met)}


def measure_rebuild(steps, folder, log, runs):
    rebuilt, inserted = f"{folder}/rebuilt.db", f"{folder}/inserted.db"
    rounds = []
    for i in range(runs):
        say(f"rebuild: run {i + 1} of {runs}")
        remove_tables(rebuilt, inserted)
        mine = steps("replay", log, rebuilt)
        rounds.append((mine, steps("reference", rebuilt, inserted)))
    say("folding as the service does, and comparing every value")
    folded = f"{folder}/folded.db"
    live = steps("fold", log, folded, 8)
    for other in (inserted, folded):
        if not steps("same", rebuilt, other)["same"]:
            raise Failure(f"'{rebuilt}' and '{other}' do not hold the same")
    remove_tables(inserted, folded)
    rows = rounds[0][1]["rows"]
    ratio = median(theirs["seconds"] / mine["seconds"] for mine, theirs in rounds)
    return rebuilt, {
        "rows": rows,
        "rebuild_rows_a_second": round(rows / median(mine["seconds"] for mine, _ in rounds)),
        "reference_rows_a_second": round(rows / median(theirs["seconds"] for _, theirs in rounds)),
        "rate_to_reference": verdict(ratio, TARGET_RATE, ratio >= TARGET_RATE),
        "processor_to_reference": round(median(theirs["processor_seconds"] / mine["processor_seconds"]
                                               for mine, theirs in rounds), 3),
        "live_events_a_second": round(live["sequence"] / live["seconds"]),
        "rounds": rounds,
    }


def resident_mb(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key))


def wait_until_idle(process, seconds=600):
    """What the service does by itself after its start, such as indexing for searches, is done."""
    def ticks():
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
            return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
    begun, quiet, last = time.perf_counter(), 0, ticks()
    while quiet < 5:
        if time.perf_counter() - begun > seconds:
            raise Failure("the service does not come to rest")
        time.sleep(1)
        now = ticks()
        quiet = quiet + 1 if now - last <= 2 else 0
        last = now
    return time.perf_counter() - begun - quiet


def measure_queries(service, tables, runs):
    out = []
    with contextlib.closing(sqlite3.connect(f"file:{tables}?mode=ro", uri=True)) as db:
        for options, condition in FILTERS:
            expected = [row[0] for row in db.execute(
                f"SELECT id FROM asset WHERE {condition} ORDER BY id LIMIT {PAGE}")]
            times = []
            for _ in range(runs):
                begun = time.perf_counter()
                found = service.ask("asset", "list", "--limit", str(PAGE), *options)
                times.append((time.perf_counter() - begun) * 1000)
                if [asset["id"] for asset in found] != expected:
                    raise Failure(f"asset list {options} gave other assets than SQLite finds")
            ms = median(times)
            out.append({"options": " ".join(options) or "(none)", "rows": len(expected),
                        "ms": verdict(ms, TARGET_QUERY_MS, ms <= TARGET_QUERY_MS)})
    return out


def measure_service(steps, program, folder, log, tables, runs):
    models = steps("load", tables)
    data = f"{folder}/data"
    os.makedirs(f"{data}", mode=0o700)
    os.rename(log, f"{data}/log")
    os.rename(tables, f"{data}/podstudio.db")
    root = f"{folder}/root"
    os.makedirs(root)
    ready, resident, indexing = [], [], None
    for i in range(runs):
        say(f"service: run {i + 1} of {runs}")
        with Service(program, data, root) as service:
            ready.append(service.ready_seconds)
            rested = wait_until_idle(service.process)
            indexing = rested if indexing is None else indexing
            resident.append((resident_mb(service.process.pid, "VmRSS:"), resident_mb(service.process.pid, "VmHWM:")))
            if i == runs - 1:
                say("queries")
                one = median(_timed(lambda: service.ask("asset", "show", "1")) for _ in range(9))
                queries = measure_queries(service, f"{data}/podstudio.db", 7)
                resident.append((resident_mb(service.process.pid, "VmRSS:"),
                                 resident_mb(service.process.pid, "VmHWM:")))
    seconds, mb = median(ready), max(rss for rss, _ in resident)
    return {
        "model_bytes_an_asset": verdict(models["bytes"] / models["assets"], TARGET_MODEL_BYTES,
                                        models["bytes"] <= TARGET_MODEL_BYTES * models["assets"]),
        "ready_seconds": verdict(seconds, TARGET_READY_SECONDS, seconds <= TARGET_READY_SECONDS),
        "busy_after_first_start_seconds": round(indexing, 1),
        "resident_mb": verdict(mb, TARGET_RESIDENT_MB, mb <= TARGET_RESIDENT_MB),
        "largest_resident_mb": round(max(peak for _, peak in resident), 1),
        "show_one_ms": round(one, 1),
        "queries": queries,
    }


def _timed(work):
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def show(report):
    host = report["machine"]
    print(f"{host['cores']} cores, {host['cpu']}, {host['memory_gb']} GB; Linux {host['kernel']}, "
          f"{host['file_system']}; load {host['load_before']} before; SQLite {report['sqlite']}")
    print(f"{number(report['assets'])} files registered, {number(report['edits'])} labels; a log of "
          f"{number(report['log']['bytes'] / 1e6)} MB, {number(report['log']['commands'])} commands\n")
    if "rebuild" in report:
        it = report["rebuild"]
        print(aligned([f"{number(it['rows'])} rows", "rows/s", "to reference", "processor time"],
                      [["inserted from memory, indexes last", number(it["reference_rows_a_second"]), "1.00", "1.00"],
                       ["rebuilt from the log", number(it["rebuild_rows_a_second"]),
                        number(it["rate_to_reference"]["value"], 2), number(it["processor_to_reference"], 2)]]))
        print(f"target {TARGET_RATE}: {'met' if it['rate_to_reference']['met'] else 'NOT met'}; every value is the "
              f"same; folded live: {number(it['live_events_a_second'])} events/s\n")
    if "service" in report:
        it = report["service"]
        rows = [["start to ready, s", it["ready_seconds"]], ["resident memory, MB", it["resident_mb"]],
                ["models, bytes an asset", it["model_bytes_an_asset"]]]
        rows += [[f"asset list {q['options']}: {q['rows']} rows, ms", q["ms"]] for q in it["queries"]]
        print(aligned(["service", "measured", "target", "met"],
                      [[name, number(v["value"], 2), v["target"], "yes" if v["met"] else "NO"] for name, v in rows]))
        print(f"\nbusy for {it['busy_after_first_start_seconds']} s after its first start; memory at most "
              f"{it['largest_resident_mb']} MB; 'asset show 1' takes {it['show_one_ms']} ms")


def main(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench replay", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="rebuild, service; both where none is named")
    parser.add_argument("--assets", type=int, default=1_000_000, help="files that are registered (1000000)")
    parser.add_argument("--edits", type=int, default=200_000, help="labels that are given (200000)")
    parser.add_argument("--runs", type=int, default=5, help="of each measure (5)")
    parser.add_argument("--program", help="the podstudio to measure; replay_bench is taken from the same build "
                                          "(the release build in build/)")
    parser.add_argument("--folder", help="where to make the files: on a disk (build/)")
    parser.add_argument("--real-time", action="store_true", help="go before other processes; needs root")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args(arguments)
    if unknown := set(options.what) - {"rebuild", "service"}:
        parser.error(f"there is no measure '{unknown.pop()}'; there are rebuild and service")
    if min(options.assets, options.edits, options.runs) < 1:
        parser.error("counts are positive")
    program = find_program(options.program)
    build = program.parents[2]
    build_step(["ninja", "-C", str(build), "tools/benchmarks/replay_bench"])
    if options.real_time:
        become_real_time()
    with temporary_folder(options.folder) as folder:
        report = measure_all(options, str(program), Steps(build / "tools/benchmarks/replay_bench"), str(folder))
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        show(report)
    return 0


def measure_all(options, program, steps, folder):
    report = {"benchmark": "replay", "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
              "machine": machine(folder), "program": program, "sqlite": sqlite3.sqlite_version,
              "assets": options.assets, "edits": options.edits, "runs": options.runs}
    what = options.what or ["rebuild", "service"]
    log = f"{folder}/log"
    say("making a log")
    report["log"] = steps("fill", log, options.assets, options.edits)
    if "rebuild" in what:
        tables, report["rebuild"] = measure_rebuild(steps, folder, log, options.runs)
    else:
        tables = f"{folder}/rebuilt.db"
        steps("replay", log, tables)
    if "service" in what:
        report["service"] = measure_service(steps, program, folder, log, tables, options.runs)
    return report

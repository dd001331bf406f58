# SPDX-License-Identifier: MIT
"""What the benchmarks share: running and measuring programs, temporary folders, the machine, tables."""

import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build"


class Failure(Exception):
    """The benchmark cannot measure, or the result of what it measured is wrong."""


def say(text):
    """Progress goes to stderr, so that stdout holds the report only."""
    print(text, file=sys.stderr, flush=True)


# --- the program --------------------------------------------------------------------------------------


PROGRAM = "tools/podstudio/podstudio"


def find_program(wanted, name=PROGRAM):
    """The program to measure: the one that was named, or the release build in build/, brought up to date."""
    if wanted:
        path = pathlib.Path(wanted).resolve()
        if not os.access(path, os.X_OK):
            raise Failure(f"'{wanted}' is no program; build it or name another with --program")
        return path
    if not (BUILD / "build.ninja").exists():
        build_step([str(REPOSITORY / "tools/build"), str(BUILD), "-Dtests=false"])  # as tools/quickstart does
    # The program executes its two siblings.
    siblings = [name + "-engine", name + "-worker"] if name == PROGRAM else []
    build_step(["ninja", "-C", str(BUILD), name, *siblings])
    return BUILD / name


def build_step(command):
    say("$ " + " ".join(command))
    if subprocess.run(command, stdout=sys.stderr).returncode != 0:
        raise Failure(f"'{' '.join(command)}' failed; see above")


def build_options(program):
    """How the program was built, where its build folder tells."""
    for folder in program.parents:
        if (folder / "meson-private").is_dir():
            told = subprocess.run(["meson", "introspect", "--buildoptions", str(folder)],
                                  capture_output=True, text=True)
            if told.returncode != 0:
                return {}
            wanted = ("buildtype", "optimization", "debug", "b_lto", "b_ndebug", "b_sanitize")
            return {o["name"]: o["value"] for o in json.loads(told.stdout) if o["name"] in wanted}
    return {}


# --- measuring ----------------------------------------------------------------------------------------


class Run:
    """One program from exec to exit: wall and processor time of it and of the children it waited for."""

    def __init__(self, command, seconds, usage, output):
        self.command = command
        self.seconds = seconds
        self.user_seconds = usage.ru_utime
        self.system_seconds = usage.ru_stime
        self.resident_mb = usage.ru_maxrss / 1024
        self.blocks_read = usage.ru_inblock  # not from the page cache
        self.output = output

    @property
    def processor_seconds(self):
        return self.user_seconds + self.system_seconds


def run(command, keep_output=False, timeout_seconds=900):
    """Runs a program to its end; a failed one is a failure of the benchmark."""
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors,
                                   stdout=output if keep_output else subprocess.DEVNULL,
                                   start_new_session=True)
        usage = wait_for(process, begin + timeout_seconds)
        seconds = time.perf_counter() - begin
        if process.returncode != 0:
            errors.seek(0)
            text = errors.read(4000).decode(errors="replace").strip()
            raise Failure(f"'{' '.join(map(str, command))}' ended with {process.returncode}: {text}")
        output.seek(0)
        return Run(command, seconds, usage, output.read())


def wait_for(process, deadline):
    """Waits without polling; a program that does not end is killed with its children at the deadline."""

    def expire(*_):
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, max(0.01, deadline - time.perf_counter()))
    try:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return usage
    except BaseException as reason:
        os.killpg(process.pid, signal.SIGKILL)
        os.waitpid(process.pid, 0)
        process.returncode = -signal.SIGKILL
        if isinstance(reason, TimeoutError):
            raise Failure(f"'{' '.join(map(str, process.args))}' did not end in time") from None
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def openssl_speed():
    """MB/s of one process that hashes 64 KiB over and over."""
    told = run(["openssl", "speed", "-mr", "-bytes", "65536", "-seconds", "1", "-evp", "sha256"], keep_output=True)
    found = re.search(rb"^\+F:\d+:sha256:([0-9.]+)", told.output, re.MULTILINE)
    if not found:
        raise Failure("cannot read what 'openssl speed' says")
    return float(found[1]) / 1e6


def become_real_time():
    """This process and all it starts from now on go before others, so that a busy machine disturbs less."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    except PermissionError:
        raise Failure("real-time priority takes root") from None


def median(values):
    return statistics.median(list(values))


def require(*programs):
    missing = [p for p in programs if shutil.which(p) is None]
    if missing:
        raise Failure(f"missing: {', '.join(missing)}; install them with apt-get")


# --- folders and the machine --------------------------------------------------------------------------


@contextlib.contextmanager
def temporary_folder(parent):
    """A folder on a real disk that is gone afterwards."""
    parent = pathlib.Path(parent) if parent else BUILD
    parent.mkdir(parents=True, exist_ok=True)
    kind = file_system_of(parent)
    if kind in ("tmpfs", "ramfs"):
        raise Failure(f"'{parent}' is on {kind}, where nothing is durable; name a folder on a disk with --folder")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=parent)).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def file_system_of(path):
    """The kind of the file system a path is on."""
    best, kind = "", "unknown"
    real = os.path.realpath(path)
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            fields = line.split()
            point = fields[1].encode(errors="surrogateescape").decode("unicode_escape")
            if len(point) >= len(best) and os.path.commonpath([real, point]) == point:
                best, kind = point, fields[2]
    return kind


def cores():
    return len(os.sched_getaffinity(0))


def machine(folder):
    """What the figures depend on."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        text = info.read()
    for line in text.splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {
        "cores": cores(),
        "cpu": model,
        "sha_instructions": " sha_ni" in text or " sha2" in text,
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "kernel": platform.release(),
        "file_system": file_system_of(folder),
        "load_before": round(os.getloadavg()[0], 2),
    }


# --- tables -------------------------------------------------------------------------------------------


def aligned(heads, rows, left=1):
    """A table: the first `left` columns to the left, the others to the right."""
    cells = [heads] + [[str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    lines = []
    for row in cells:
        parts = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        lines.append("  ".join(parts).rstrip())
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)


def number(value, digits=0):
    return f"{value:,.{digits}f}"


def parse_size(text):
    """Bytes of '2G', '512M', '64K' or a plain number; powers of 1024."""
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    factor = units.get(text[-1:].upper(), 1)
    try:
        return int(float(text.rstrip("KMGkmg")) * factor)
    except ValueError:
        raise ValueError(f"'{text}' is no size; write for example 2G") from None

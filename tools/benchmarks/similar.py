# SPDX-License-Identifier: MIT
"""Near duplicates: one query, and all groups, among a million perceptual hashes in memory.

A tenth of the hashes are near copies of others, up to 31 bits apart; the rest is random, as hashes of different
pictures are. What is found is checked by the tests against comparing all pairs; here only time is measured.
"""

import argparse
import json

from benchmarks.support import Failure, aligned, find_program, machine, number, run, say

TARGET_QUERY_MS = 50
TARGET_GROUPS_S = 30


def main(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench similar", description=__doc__.splitlines()[0])
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--program", help="similar_bench (default: of the newest build)")
    options = parser.parse_args(arguments)
    if options.hashes < 1:
        raise Failure("--hashes: at least one")
    program = find_program(options.program, "tools/benchmarks/similar_bench")
    told = json.loads(run([str(program), str(options.hashes)], keep_output=True).output)
    where = machine(".")
    say(f"{where['cpu']}, {where['cores']} cores, load {where['load_before']}")
    rows = [
        ("one query, median", f"{told['query_ms_median']:.1f} ms", f"{TARGET_QUERY_MS} ms"),
        ("one query, slowest of 50", f"{told['query_ms_max']:.1f} ms", f"{TARGET_QUERY_MS} ms"),
        (f"all {number(told['groups'])} groups", f"{told['groups_s']:.1f} s", f"{TARGET_GROUPS_S} s"),
    ]
    say(aligned((f"{number(told['hashes'])} hashes", "took", "target"), rows))
    return 0

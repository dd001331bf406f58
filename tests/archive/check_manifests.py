#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_manifests.py SCHEMA MANIFESTS -- checks manifests, of which MANIFESTS has one in each line, against their
schema. Prints each that does not fit, and how many fit. Exits with 1 if one did not, or if there are none.
"""

import json
import sys

from jsonschema import Draft202012Validator


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    right, wrong = 0, 0
    with open(sys.argv[2], encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            found = list(validator.iter_errors(json.loads(line)))
            right += not found
            wrong += bool(found)
            for error in found:
                at = "/".join(str(step) for step in error.absolute_path)
                print(f"manifest {number} at '{at}': {error.message[:300]}")
    print(f"{right} manifests fit, {wrong} do not")
    return 1 if wrong or not right else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_answers.py SCHEMAS ANSWERS -- checks what operations were given and what they answered against their schemas.

SCHEMAS is what `podstudio --json schema` prints. ANSWERS has a JSON document in each line: `operation`, `arguments`
where they were given to the console, and `outcome`, or `refused` if the console refused the arguments: then the schema
must refuse them, too. Prints each answer that does not fit and the place in it, and then how many fit. Exits with 1 if
one did not, or if an operation has no answer.
"""

import json
import sys

from jsonschema import Draft202012Validator


def complaints(schema, document):
    for error in Draft202012Validator(schema).iter_errors(document):
        at = "/".join(str(step) for step in error.absolute_path)
        yield f"at '{at}': {error.message[:300]}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        operations = {each["name"]: each for each in json.load(file)}
    for each in operations.values():
        for part in ("arguments", "outcome"):
            Draft202012Validator.check_schema(each[part])
    wrong, right, answered = 0, 0, set()
    with open(sys.argv[2], encoding="utf-8") as file:
        for line in file:
            answer = json.loads(line)
            name = answer["operation"]
            if answer.get("refused"):
                found = list(complaints(operations[name]["arguments"], answer["arguments"]))
                wrong += len(found) == 0
                right += len(found) > 0
                if not found:
                    print(f"{name}: refuses arguments that its schema allows: {answer['arguments']}")
                continue
            answered.add(name)
            for part in ("arguments", "outcome"):
                if part not in answer:
                    continue
                found = list(complaints(operations[name][part], answer[part]))
                wrong += len(found) > 0
                right += len(found) == 0
                for complaint in found:
                    print(f"{name}: {part} {complaint}")
    for name in sorted(operations.keys() - answered):
        print(f"{name}: was never asked")
        wrong += 1
    print(f"{right} documents fit, {wrong} do not")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

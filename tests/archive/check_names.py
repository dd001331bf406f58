#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_names.py NAMES -- checks that names are safe on Windows, macOS and Linux, by Python's own knowledge of Windows'
and Unicode's rules. NAMES has a JSON document in each line: `original`, `name`, and `ascii` if only ASCII is allowed.
All names are in one folder. Prints each that is not safe, and how many are. Exits with 1 if one is not.
"""

import json
import re
import sys
import unicodedata
from pathlib import PureWindowsPath


def complaints(name, only_ascii):
    if not 1 <= len(name.encode()) <= 120:
        yield "is empty or too long"
    if re.search(r'[%<>:"/\\|?*\x00-\x1f\x7f-\x9f]', name):
        yield "has a character that is not allowed"
    if PureWindowsPath(name).is_reserved() or PureWindowsPath(name).name != name:
        yield "means something else to Windows"
    if re.match(r"(com|lpt)0\s*(\.|$)", name, re.IGNORECASE):
        yield "is a device of some Windows"
    if name != name.strip(" ."):
        yield "begins or ends with a dot or space"
    if unicodedata.normalize("NFC", name) != name:
        yield "is not in NFC"
    for character in name:
        category = unicodedata.category(character)
        # Characters newer than Python's tables count as unassigned there.
        if category in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") or (category == "Zs" and character != " "):
            yield f"has the character U+{ord(character):04X}, of category {category}"
        if unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"):
            yield "turns the direction of text"
    if only_ascii and not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        yield "has more than ASCII letters, digits, dots, underscores and hyphens"


def main():
    seen, wrong, right = {}, 0, 0
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            given = json.loads(line)
            name = given["name"]
            found = list(complaints(name, given["ascii"]))
            folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
            if folded in seen:
                found.append(f"is the same as {seen[folded]!r} where case is ignored")
            seen[folded] = name
            wrong += bool(found)
            right += not found
            for each in found:
                print(f"{name!r}, from {given['original']!r}, {each}")
    print(f"{right} names are safe, {wrong} are not")
    return 1 if wrong or not right else 0


if __name__ == "__main__":
    sys.exit(main())

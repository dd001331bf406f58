#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_zip.py ARCHIVE [--read] -- prints what Python's zipfile finds in an archive: for each entry a line with size,
CRC-32, time, mode and name; with --read, the contents are checked, too. Exits with 1 where zipfile refuses it.
"""

import sys
import zipfile


def main():
    with zipfile.ZipFile(sys.argv[1]) as archive:
        for entry in archive.infolist():
            time = "-".join(str(part) for part in entry.date_time)
            print(entry.file_size, entry.CRC, time, oct(entry.external_attr >> 16), entry.filename)
            with archive.open(entry) as content:  # compares the local header's name
                if "--read" in sys.argv:
                    while content.read(1 << 20):
                        pass
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""The benchmarks of tools/bench, one file each, and what they share."""

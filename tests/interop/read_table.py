"""Reads the table with every reader and compares them with each other, with Postgres and with what was generated.

usage: read_table.py TRUTH.json

The environment says where: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, DATABASE_URL.
Prints one line per source and exits with 1 on any difference.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ledger
import truth
from readers import READERS
from table import Access


def main(truth_file: Path) -> int:
    access = Access.from_environment()
    expected = truth.load(truth_file)
    print(f"generated: {expected.line()}")
    problems = []
    sources = {"postgres": ledger.read_rollup} | READERS
    for name, read in sources.items():
        totals = read(access)
        print(f"{name}: {totals.line()}")
        problems += [f"{name} against generated: {difference}" for difference in expected.differences(totals)]
    problems += ledger.problems(access, expected)
    for problem in problems:
        print(f"DIFFERENT {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

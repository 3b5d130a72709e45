"""Checks deploy/terraform, then breaks it, one thing at a time, and demands that each is noticed.

usage: check.py ROOT [--terraform]   with --terraform the real one formats, validates, plans and applies as well
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from breakages import BREAKAGES, Breakage
from checks import example_values, provider_types, run
from configuration import Unreadable, read_files
from tally import Tally


def main(root: Path, with_terraform: bool) -> int:
    tally = Tally()
    source = root / "deploy" / "terraform"
    files, types = read_files(source), provider_types()
    for title, problems in run(files, types):
        tally.check(title, problems)
    for title, problems in example_values(source, files):
        tally.check(title, problems)
    for breakage in BREAKAGES:
        tally.check(f"noticed when broken: {breakage.title}", unnoticed(breakage, files, types))
    if with_terraform:
        # Needs packages that are not there without Terraform.
        from formatting import check_formatting
        from plan import check_with_terraform

        check_formatting(tally, source)
        check_with_terraform(tally, source, types, json.loads((root / "deploy" / "gatelog.schema.json").read_text()))
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


def unnoticed(breakage: Breakage, files: dict[str, str], types: dict[str, Any]) -> list[str]:
    try:
        found = [problem for _, problems in run(breakage.apply(files), types) for problem in problems]
    except Unreadable as error:
        found = [str(error)]
    if any(breakage.reported in problem for problem in found):
        return []
    return [f"`{breakage.reported}` was not reported, but {found or 'nothing'}"]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), "--terraform" in sys.argv[2:]))

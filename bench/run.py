#!/usr/bin/env python3
"""`make bench` and `make bench-gateway`: measure the goals of gatelog against named peers, ratios in one run.

usage: bench/run.py --bin target/release [--suite ingest|gateway] [--quick] [--only NAME...]

This part only sets the stage: Python packages in the cache, a private Postgres around the suite. See ingest_suite.py
and gateway_suite.py.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=Path, help="folder of a release build, examples included")
    parser.add_argument("--suite", choices=["ingest", "gateway"], default="ingest", help="what is measured")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, no goal enforced")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="only these benchmarks")
    arguments = parser.parse_args()

    requirements = ROOT / "bench" / "requirements.txt"
    venv = subprocess.check_output([ROOT / "tools" / "venv.sh", "bench", requirements], text=True).strip()
    binaries = arguments.bin.resolve()
    suite = [f"{venv}/bin/python", str(ROOT / "bench" / f"{arguments.suite}_suite.py"), "--bin"]
    suite += [str(binaries)]
    suite += ["--quick"] if arguments.quick else []
    suite += ["--only", *arguments.only] if arguments.only else []
    os.environ |= {"PYTHONPATH": str(ROOT / "tools"), "PYTHONDONTWRITEBYTECODE": "1"}
    postgres = str(binaries / "gatelog-testkit-postgres")
    os.execv(postgres, [postgres, "--durable", "--", *suite])


if __name__ == "__main__":
    main()

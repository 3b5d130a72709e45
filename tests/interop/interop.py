"""Ingests small corpora with the real binary and has other implementations read and check the table.

usage: interop.py BINARIES

Plain logs go through the S3 server of the tests, sealed logs through moto. Run beside gatelog-testkit-postgres; run.sh
does all of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import sandbox
from corpus import PRIVATE_KEY, corpus
from totals import NEEDLES

HERE = Path(__file__).resolve().parent
CORPUS = ("--records", "2000", "--files", "4")
# How every request, answer and metadata object begins or what it holds: a bound cut to a few bytes would show these.
FRAGMENTS = ('{"model":"', '{"id":"chatcmpl', "data: {", "traceId", "rag-search")

StartS3 = Callable[[Path], AbstractContextManager[sandbox.S3]]


def check(title: str, binaries: Path, logs: Path, start_s3: StartS3, truth: Path) -> bool:
    """One installation, filled and read; whether everything agreed."""
    print(f"== {title}", flush=True)
    with tempfile.TemporaryDirectory() as temporary, sandbox.database() as url:
        folder = Path(temporary)
        with start_s3(folder) as s3:
            key = logs / PRIVATE_KEY if (logs / PRIVATE_KEY).exists() else None
            gatelog = sandbox.Installation(binaries, folder, s3, url, private_key=key)
            # One object a run, so that there are several commits, snapshots and manifests.
            for file in sandbox.log_objects(logs):
                sandbox.upload(s3, logs, [file])
                print(gatelog.ingest_once().output.strip())
            # One more run finds everything in the ledger and must change nothing.
            print(gatelog.ingest_once().output.strip(), flush=True)
            environment = environment_of(s3, url)
            agreed = run_script(environment, "read_table.py", str(truth))
            return run_script(environment, "check_manifests.py", *NEEDLES, *FRAGMENTS) and agreed


def environment_of(s3: sandbox.S3, url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": s3.endpoint,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
        "AWS_REGION": s3.region,
        "DATABASE_URL": url,
    }


def run_script(environment: dict[str, str], name: str, *arguments: str) -> bool:
    """Runs one of the scripts beside this one; whether it found nothing wrong."""
    command = [sys.executable, str(HERE / name), *arguments]
    return subprocess.run(command, env=os.environ | environment).returncode == 0


def main(binaries: Path) -> int:
    plain, sealed = corpus(*CORPUS), corpus(*CORPUS, "--encrypt")
    with tempfile.TemporaryDirectory() as temporary:
        truth = Path(temporary) / "truth.json"
        subprocess.run([sys.executable, HERE / "truth.py", plain, truth], check=True)
        results = [
            check("plain logs, S3 of the tests", binaries, plain, lambda folder: testkit(binaries, folder), truth),
            check("sealed logs, moto", binaries, sealed, lambda folder: sandbox.moto_s3(folder / "moto.log"), truth),
        ]
    print("interop: all agree" if all(results) else "interop: DIFFERENT, see above")
    return 0 if all(results) else 1


def testkit(binaries: Path, folder: Path) -> AbstractContextManager[sandbox.S3]:
    return sandbox.testkit_s3(binaries, folder / "s3")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

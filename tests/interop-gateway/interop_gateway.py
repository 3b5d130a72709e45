"""Runs the official clients against `gatelog gateway` in front of a simulated Azure OpenAI, then checks the books.

usage: interop_gateway.py BINARIES PACKAGES

Run beside gatelog-testkit-postgres; run.sh does all of it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sandbox

import books
import suites
from certificate import Certificate, make_certificate
from gateway import Gateway
from installation import CALLERS_KEY, EU_KEY, RESOURCE, GatewayInstallation, keygen
from simulator import Simulator, simulator
from tally import Tally


@dataclass(frozen=True)
class Providers:
    """Two that are in the books, and one to compare answers with that no gateway asks."""

    za: Simulator
    eu: Simulator
    mirror: Simulator


@contextmanager
def providers(binaries: Path) -> Iterator[Providers]:
    with (
        simulator(binaries, "--api-key", CALLERS_KEY) as za,
        simulator(binaries, "--api-key", EU_KEY, "--region", "Sweden Central") as eu,
        simulator(binaries, "--api-key", CALLERS_KEY) as mirror,
    ):
        yield Providers(za, eu, mirror)


@contextmanager
def gateways(tally: Tally, installation: GatewayInstallation, tls: Certificate) -> Iterator[tuple[Gateway, Gateway]]:
    """One in clear for everybody, one with TLS for callers with a token. Both fill the same bucket."""
    secured = {
        "authentication": "true",
        "tls__certificate_file": str(tls.certificate),
        "tls__private_key_file": str(tls.private_key),
    }
    started: list[Gateway] = []
    try:
        for name, scheme, leaves in [("clear", "http", {}), ("secured", "https", secured)]:
            started.append(Gateway.start(installation, name, **leaves))
            started[-1].wait_until_listening(scheme)
        yield started[0], started[1]
    finally:
        print("== books", flush=True)
        for gateway in started:
            tally.equal(f"gateway `{gateway.name}`: exit code after SIGTERM", gateway.stop(), 0)
            tally.equal(f"gateway `{gateway.name}`: errors in its log", gateway.errors(), [])


def environment(suite: str, clear: Gateway, secured: Gateway, asked: Providers) -> dict[str, str]:
    """What place.py and place.mjs read, but for the certificate. The token is for the suite's own tenant."""
    return {
        "INTEROP_SUITE": suite,
        "INTEROP_BASE": clear.base,
        "INTEROP_TLS_BASE": secured.base,
        "INTEROP_TOKEN": secured.installation.run("token", "create", suite, "--tenant", suite),
        "INTEROP_PROVIDER": asked.za.endpoint,
        "INTEROP_MIRROR": asked.mirror.endpoint,
        "INTEROP_KEY": CALLERS_KEY,
        "INTEROP_RESOURCE": RESOURCE,
    }


def run_clients(tally: Tally, installation: GatewayInstallation, asked: Providers, packages: Path) -> suites.Heard:
    """Gateways up, clients through, gateways down."""
    tls = make_certificate(installation.folder)
    trust = {"INTEROP_TLS_CERTIFICATE": str(tls.certificate), "NODE_EXTRA_CA_CERTS": str(tls.certificate)}
    with gateways(tally, installation, tls) as (clear, secured):
        environments = {suite: environment(suite, clear, secured, asked) | trust for suite in suites.SUITES}
        return suites.run_all(tally, installation.folder, packages, environments)


def main(binaries: Path, packages: Path) -> int:
    tally = Tally()
    with tempfile.TemporaryDirectory() as temporary, sandbox.database() as url:
        folder = Path(temporary)
        private, public = keygen(binaries, folder)
        with sandbox.testkit_s3(binaries, folder / "s3") as s3, providers(binaries) as asked:
            installation = GatewayInstallation(
                binaries,
                folder,
                s3,
                url,
                private_key=private,
                public_key=public,
                za=asked.za.endpoint,
                eu=asked.eu.endpoint,
            )
            heard = run_clients(tally, installation, asked, packages)
            truth = books.Truth.of([asked.za, asked.eu], heard)
            books.check_bucket(tally, s3, truth)
            print(installation.ingest_once().output.strip(), flush=True)
            books.check_rollup(tally, installation, truth)
            books.check_lake(tally, installation, truth, heard)
            books.check_wholes(tally, installation, heard)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

"""The configuration of gateway and ingest, one file for both, as a user would have it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sandbox
from sandbox import section

ACCOUNT = "sandbox"
GATEWAY = "prod"
# A resource that sandbox.py prices.
RESOURCE = "aoai-imbila-sa"
# What callers know, and what only the configuration knows.
CALLERS_KEY = "za-key"
EU_KEY = "eu-key"
# Suites that use up a budget. No two share one.
WITH_BUDGETS = ("openai-errors", "openai-node", "ai-sdk", "fetch")
# A window that does not end while this runs, and one that does.
LONG_SECONDS = 366 * 86_400
PACE_SECONDS = 2


@dataclass
class GatewayInstallation(sandbox.Installation):
    """An installation whose logs come from its own gateway."""

    # Endpoints of the simulated resources.
    za: str = field(kw_only=True)
    eu: str = field(kw_only=True)
    public_key: Path = field(kw_only=True)

    def run(self, *arguments: str) -> str:
        """One of the other subcommands; what it printed."""
        command = [str(self.binaries / "gatelog"), "--config", str(self.config()), *arguments]
        return sandbox.measure(command).output.strip()

    def _sections(self) -> Iterator[str]:
        yield from super()._sections()
        yield section("status", {"listen": "127.0.0.1:0"})
        yield section("gateway", {"listen": "127.0.0.1:0", "gateways": [GATEWAY]})
        yield section("gateway.audit", {"public_key_file": str(self.public_key)})
        for name, more in self._targets().items():
            yield section("[gateway.targets]", {"name": name, "provider": "azure-openai"} | more)
        yield section("[gateway.fallbacks]", {"from": "aoai-flaky", "to": ["azure-openai-eu"]})
        yield from (section("[budgets.list]", entry) for entry in budgets())

    def _targets(self) -> dict[str, dict[str, Any]]:
        """By the name that `cf-aig-provider` says. What is to fail has a target of its own: health is kept per target."""
        return {
            "azure-openai-sa": {"resource": RESOURCE, "base_url": self.za},
            "azure-openai-flaky": {"resource": "aoai-flaky", "base_url": self.za},
            "azure-openai-broken": {"resource": "aoai-broken", "base_url": self.za},
            "azure-openai-eu": {"resource": "aoai-eu", "base_url": self.eu, "api_key": EU_KEY},
            "azure-openai-gone": {"resource": "aoai-gone", "base_url": nobody()},
            "openai": {"provider": "openai", "base_url": f"{self.za}/v1"},
        }


def budgets() -> Iterator[dict[str, Any]]:
    """A thousand tokens, what they cost with gpt-4o if half of them are output, or one request; each for one tenant."""
    kinds = {
        "spent": {"unit": "tokens", "per": "fixed", "seconds": LONG_SECONDS, "amount": "1000"},
        "usd": {"unit": "usd", "per": "fixed", "seconds": LONG_SECONDS, "amount": "0.0076"},
        "paced": {"unit": "requests", "per": "sliding", "seconds": PACE_SECONDS, "amount": "1"},
    }
    for suite in WITH_BUDGETS:
        for kind, entry in kinds.items():
            yield {"id": f"{kind}-{suite}", "tenant": f"{kind}-{suite}"} | entry


def nobody() -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def keygen(binaries: Path, folder: Path) -> tuple[Path, Path]:
    """Private and public key file, by `gatelog keygen`."""
    private, public = folder / "private.pem", folder / "public.pem"
    command = [str(binaries / "gatelog"), "keygen", "--bits", "2048", "--private", str(private)]
    public.write_text(sandbox.measure(command).output)
    return private, public

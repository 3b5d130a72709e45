"""Where the clients find the gateway, and as whom they ask; place.mjs says the same in the other language."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

# `http://127.0.0.1:PORT/v1/ACCOUNT/GATEWAY`: what stands where `https://gateway.ai.cloudflare.com/v1/...` stood.
BASE = os.environ["INTEROP_BASE"]
TLS_BASE = os.environ["INTEROP_TLS_BASE"]
TLS_CERTIFICATE = os.environ["INTEROP_TLS_CERTIFICATE"]
TOKEN = os.environ["INTEROP_TOKEN"]
PROVIDER = os.environ["INTEROP_PROVIDER"]
KEY = os.environ["INTEROP_KEY"]
RESOURCE = os.environ["INTEROP_RESOURCE"]
# Name of this suite: tenants of other suites have budgets and totals of their own.
SUITE = os.environ["INTEROP_SUITE"]

AZURE = f"{BASE}/azure-openai/{RESOURCE}"
VERSION = "2025-04-01-preview"
CHAT = "gpt-4o"
REASONING = "o4-mini"
EMBED = "text-embedding-3-small"
# All text of the simulated provider begins with it.
SAID = "zebra quartz confidential"


def headers(tenant: str = SUITE, **more: str) -> dict[str, str]:
    """Headers that name the tenant to the gateway, and to the simulated provider, which sorts its totals by it."""
    metadata = {"tenantId": tenant, "userId": "interop"}
    return {"cf-aig-metadata": json.dumps(metadata), "x-sim-tenant": tenant, **more}


def calls(tenant: str) -> list[dict[str, Any]]:
    """What the provider was asked for this tenant, with all headers."""
    with urllib.request.urlopen(f"{PROVIDER}/_sim/calls") as answer:
        return [call for call in json.load(answer)["calls"] if call["tenant"] == tenant]

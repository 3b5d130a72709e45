"""What a caller, the provider and a scraper of metrics see."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

CALLER = "http://127.0.0.1:8787/v1/sandbox/production/azure-openai/aoai-example-za/gpt-4o"
INGEST_METRICS = "http://127.0.0.1:9465/metrics"
EVENTS = re.compile(r'^gatelog_ingest_lines_total\{state="event"\} (\d+)$', re.MULTILINE)
QUESTION = {"messages": [{"role": "user", "content": "How long is a week?"}]}
ANSWER_SECONDS = 10
# A proxy of the machine is nobody's business here.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(headers: dict[str, str]) -> tuple[int, str]:
    """Status and body of one chat request; status 0 if nobody answers."""
    headers = {"content-type": "application/json", "api-key": "callers-own", **headers}
    url = f"{CALLER}/chat/completions?api-version=2024-10-21"
    request = urllib.request.Request(url, json.dumps(QUESTION).encode(), headers)
    try:
        with DIRECT.open(request, timeout=ANSWER_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError as error:
        return 0, str(error)


def calls(azure: str) -> int:
    """How many requests the simulated provider has had."""
    with DIRECT.open(f"{azure}/_sim/totals", timeout=ANSWER_SECONDS) as answer:
        return json.load(answer)["sum"]["calls"]


def committed_events() -> int:
    """Since the ingest daemon was started; 0 if it does not answer."""
    try:
        with DIRECT.open(INGEST_METRICS, timeout=ANSWER_SECONDS) as answer:
            found = EVENTS.search(answer.read().decode())
    except OSError:
        return 0
    return int(found[1]) if found else 0

"""How a client reports to the harness: one line per check, and what the provider cannot have seen.

`PASS title`, `FAIL title: why`, `WHOLE {...}` for a streamed answer that an SDK put together, and at the end `COUNT {...}`. outcome.mjs
says the same in the other language.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

# Longest explanation of a failure.
DETAIL_CHARS_MAX = 600

failed = 0
# Answers out of the gateway's cache, refusals for a limit, tries at a target that nobody listens at.
counts = Counter(hits=0, refusals=0, unreached=0)


@contextmanager
def check(title: str) -> Iterator[None]:
    """Fails if the block raises; the checks after it are run all the same."""
    global failed
    try:
        yield
    except Exception as error:
        failed += 1
        detail = f"{type(error).__name__}: {error}".replace("\n", " ")
        print(f"FAIL {title}: {detail[:DETAIL_CHARS_MAX]}", flush=True)
    else:
        print(f"PASS {title}", flush=True)


def equal(found: object, expected: object) -> None:
    """Both values stand in the complaint."""
    if found != expected:
        raise AssertionError(f"{found!r} instead of {expected!r}")


def put_together(whole: str) -> None:
    """A streamed answer as the SDK has put it together, in JSON; the audit log must have the same."""
    print(f"WHOLE {whole}", flush=True)


def refused_for_limit(headers: Mapping[str, str]) -> None:
    """The 429 is the gateway's own, and it counts as one refusal."""
    counts["refusals"] += 1
    equal(headers.get("cf-aig-source"), "rate-limit")
    assert int(headers["retry-after"]) >= 1


def finish() -> None:
    """Says what was counted; the exit code says whether all checks passed."""
    print(f"COUNT {json.dumps(counts)}", flush=True)
    sys.exit(1 if failed else 0)

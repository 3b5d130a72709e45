"""PyPI `openai`: what goes wrong at the provider arrives as the exception it is without a gateway; a refusal of the gateway
itself is one that the client understands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import openai
from openai import AzureOpenAI

from outcome import check, counts, equal, finish, refused_for_limit
from place import AZURE, BASE, CHAT, KEY, SAID, SUITE, VERSION, calls, headers

ASK = [{"role": "user", "content": "What does the invoice cover?"}]
GONE = f"{BASE}/azure-openai/aoai-gone"


def azure(endpoint: str = AZURE, tenant: str = SUITE, max_retries: int = 0, key: str = KEY) -> AzureOpenAI:
    return AzureOpenAI(
        azure_endpoint=endpoint,
        api_version=VERSION,
        api_key=key,
        default_headers=headers(tenant),
        max_retries=max_retries,
    )


def chat(client: AzureOpenAI, behave: str = "ok", **more: Any) -> Any:
    return client.chat.completions.create(model=CHAT, messages=ASK, extra_headers={"x-sim-behave": behave}, **more)


def raised(kind: type[openai.APIError], call: Callable[[], Any]) -> Any:
    """The exception of exactly this type that the call ends in."""
    try:
        call()
    except openai.APIError as error:
        equal(type(error).__name__, kind.__name__)
        return error
    raise AssertionError(f"no {kind.__name__}")


def statuses() -> None:
    for status, kind in [
        (403, openai.PermissionDeniedError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ]:
        with check(f"provider's {status}: {kind.__name__}, with the provider's status and body"):
            error = raised(kind, lambda: chat(azure(), f"{status}"))
            equal(error.status_code, status)
            assert set(error.body) == {"code", "message"} and error.message.startswith(f"Error code: {status}")
            equal(error.response.headers["cf-aig-provider"], "azure-openai-sa")


def filters() -> None:
    with check("prompt filter: BadRequestError with code, param and inner error"):
        error = raised(openai.BadRequestError, lambda: chat(azure(), "filter-prompt"))
        equal([error.status_code, error.code, error.param], [400, "content_filter", "prompt"])
        equal(error.body["innererror"]["code"], "ResponsibleAIPolicyViolation")
    with check("output filter: finish_reason content_filter"):
        equal(chat(azure(), "filter-output").choices[0].finish_reason, "content_filter")
    with check("prompt filter on a streamed chat: BadRequestError before any chunk"):
        equal(raised(openai.BadRequestError, lambda: chat(azure(), "filter-prompt", stream=True)).code, "content_filter")


def others() -> None:
    with check("wrong key: AuthenticationError of the provider"):
        equal(raised(openai.AuthenticationError, lambda: chat(azure(key="wrong"))).code, "401")
    with check("no such path: NotFoundError of the provider"):
        raised(openai.NotFoundError, lambda: azure().images.generate(model="dall-e-3", prompt="a pallet"))
    with check("no connection to the provider: InternalServerError 502 of the gateway"):
        counts["unreached"] += 1
        error = raised(openai.InternalServerError, lambda: chat(azure(endpoint=GONE)))
        equal([error.status_code, error.response.json()["name"]], [502, "AiGatewayError"])
    with check("client's own timeout: APITimeoutError"):
        raised(openai.APITimeoutError, lambda: chat(azure(), "hang", timeout=0.5))
    with check("stream that breaks off: an error, not a short answer"):
        opened = chat(azure(), "cut-after-frames=6", stream=True, stream_options={"include_usage": True})
        try:
            chunks = len(list(opened))
        except (openai.APIError, httpx2.HTTPError):
            pass
        else:
            raise AssertionError(f"it ended well after {chunks} chunks")
    with check("control header out of bounds: BadRequestError that names it"):
        bad = {"cf-aig-max-attempts": "9"}
        error = raised(openai.BadRequestError, lambda: chat(azure().with_options(default_headers=bad)))
        assert "cf-aig-max-attempts" in error.response.json()["message"]


def rate_limits() -> None:
    with check("provider's 429: RateLimitError with the provider's retry-after, not marked as the gateway's"):
        error = raised(openai.RateLimitError, lambda: chat(azure(), "429;retry-after-ms=30"))
        equal([error.response.headers["retry-after-ms"], error.code], ["30", "429"])
        assert "cf-aig-source" not in error.response.headers
    with check("provider's 429 once: max_retries of the client tries again, as without a gateway"):
        client = azure(max_retries=2)
        raw = client.chat.completions.with_raw_response.create(
            model=CHAT, messages=ASK, extra_headers={"x-sim-behave": "429;retry-after-ms=30;times=1;key=python"}
        )
        equal(raw.retries_taken, 1)
        assert raw.parse().choices[0].message.content.startswith(SAID)


def budgets() -> None:
    paced, spent = f"paced-{SUITE}", f"spent-{SUITE}"
    with check("gateway's 429: max_retries waits for retry-after and gets its answer"):
        client = azure(tenant=paced, max_retries=2)
        chat(client)
        raw = client.chat.completions.with_raw_response.create(model=CHAT, messages=ASK)
        counts["refusals"] += raw.retries_taken
        equal(raw.retries_taken, 1)
        equal([call["status"] for call in calls(paced)], [200, 200])
    with check("gateway's 429: RateLimitError at once with max_retries=0; the provider is not called"):
        chat(azure(tenant=spent), "usage=500/500", max_completion_tokens=500)
        error = raised(openai.RateLimitError, lambda: chat(azure(tenant=spent)))
        refused_for_limit(error.response.headers)
        equal(error.response.json()["internalCode"], 2045)
        equal(len(calls(spent)), 1)
    with check("gateway's 429 on a stream: RateLimitError before any chunk"):
        refused_for_limit(raised(openai.RateLimitError, lambda: chat(azure(tenant=spent), stream=True)).response.headers)
    with check("budget spent for long: the client does not wait for it with max_retries=2"):
        refused_for_limit(raised(openai.RateLimitError, lambda: chat(azure(tenant=spent, max_retries=2))).response.headers)
        equal(len(calls(spent)), 1)


for group in (statuses, filters, others, rate_limits, budgets):
    group()
finish()

"""PyPI `openai`: chat, streams, embeddings and the Responses API, by every way its clients have to name the gateway."""

from __future__ import annotations

from openai import AzureOpenAI, OpenAI

from outcome import check, equal, finish, put_together
from place import AZURE, BASE, CHAT, EMBED, KEY, REASONING, SAID, VERSION, headers

ASK = [{"role": "user", "content": "What does the invoice cover?"}]
OF_AZURE = {"api_version": VERSION, "api_key": KEY, "default_headers": headers(), "max_retries": 0}
OF_OPENAI = {"api_key": KEY, "default_headers": headers(), "max_retries": 0}

# By the words that users write; all of them replace one URL.
CLIENTS: dict[str, OpenAI] = {
    "AzureOpenAI(azure_endpoint=.../azure-openai/RESOURCE)": AzureOpenAI(azure_endpoint=AZURE, **OF_AZURE),
    "AzureOpenAI(azure_endpoint=..., azure_deployment=...)": AzureOpenAI(
        azure_endpoint=AZURE, azure_deployment=CHAT, **OF_AZURE
    ),
    "AzureOpenAI(base_url=.../azure-openai/RESOURCE/DEPLOYMENT)": AzureOpenAI(base_url=f"{AZURE}/{CHAT}", **OF_AZURE),
    "OpenAI(base_url=.../openai)": OpenAI(base_url=f"{BASE}/openai", **OF_OPENAI),
    "OpenAI(base_url=.../azure-openai/RESOURCE/openai/v1)": OpenAI(base_url=f"{AZURE}/openai/v1", **OF_OPENAI),
}
# The URL of the other two names one deployment, so they cannot ask another.
FOR_ALL_DEPLOYMENTS = [name for name in CLIENTS if "DEPLOYMENT" not in name and "azure_deployment" not in name]
# Azure has the Responses API beside its deployments, not below one.
WITHOUT_RESPONSES = "AzureOpenAI(base_url=.../azure-openai/RESOURCE/DEPLOYMENT)"


def chat(client: OpenAI) -> None:
    answer = client.chat.completions.create(model=CHAT, messages=ASK)
    assert answer.choices[0].message.content.startswith(SAID)
    equal(answer.choices[0].finish_reason, "stop")
    assert answer.model.startswith(CHAT) and answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0


def stream(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=CHAT, messages=ASK, stream=True, stream_options={"include_usage": True}
        )
    )
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    text = "".join(choice.delta.content or "" for choice in choices)
    assert text.startswith(SAID) and len(choices) > 5
    equal(choices[-1].finish_reason, "stop")
    equal([chunk.usage is not None for chunk in chunks[-2:]], [False, True])
    assert chunks[-1].usage.completion_tokens > 0


def stream_helper(client: OpenAI) -> None:
    """The helper puts the chunks together again, and is strict about what may follow what."""
    with client.chat.completions.stream(
        model=CHAT, messages=ASK, stream_options={"include_usage": True}
    ) as events:
        kinds = [event.type for event in events]
        whole = events.get_final_completion()
    assert "content.delta" in kinds and "content.done" in kinds
    assert whole.choices[0].message.content.startswith(SAID) and whole.usage.completion_tokens > 0
    put_together(whole.model_dump_json())


def embeddings(client: OpenAI) -> None:
    answer = client.embeddings.create(model=EMBED, input=["one", "two"])
    equal([len(item.embedding) for item in answer.data], [1536, 1536])
    assert answer.data[0].embedding != answer.data[1].embedding and answer.usage.prompt_tokens > 0


def responses(client: OpenAI) -> None:
    answer = client.responses.create(model=CHAT, input="What does the invoice cover?")
    equal(answer.status, "completed")
    assert answer.output_text.startswith(SAID) and answer.usage.output_tokens > 0


def responses_stream(client: OpenAI) -> None:
    events = list(client.responses.create(model=CHAT, input="What does the invoice cover?", stream=True))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    equal([event.type for event in (events[0], events[-1])], ["response.created", "response.completed"])
    equal(events[-1].response.output_text, text)
    assert text.startswith(SAID) and events[-1].response.usage.output_tokens > 0


for name, client in CLIENTS.items():
    with check(f"{name}: chat"):
        chat(client)
    with check(f"{name}: streamed chat with usage"):
        stream(client)
    if name in FOR_ALL_DEPLOYMENTS:
        with check(f"{name}: embeddings"):
            embeddings(client)
    if name != WITHOUT_RESPONSES:
        with check(f"{name}: Responses"):
            responses(client)
        with check(f"{name}: streamed Responses"):
            responses_stream(client)

def usage_details(client: OpenAI) -> None:
    """All four counts, plain, streamed and of the other API; the books at the end compare the sums."""
    behave = {"x-sim-behave": "usage=2000/300/1024/128"}
    asked = {"model": REASONING, "extra_headers": behave}
    plain = client.chat.completions.create(messages=ASK, **asked).usage
    with_usage = {"stream": True, "stream_options": {"include_usage": True}}
    streamed = list(client.chat.completions.create(messages=ASK, **with_usage, **asked))[-1].usage
    for usage in (plain, streamed):
        details = (usage.prompt_tokens_details.cached_tokens, usage.completion_tokens_details.reasoning_tokens)
        equal((usage.prompt_tokens, usage.completion_tokens, *details), (2000, 300, 1024, 128))
    other = client.responses.create(input="What does the invoice cover?", **asked).usage
    details = (other.input_tokens_details.cached_tokens, other.output_tokens_details.reasoning_tokens)
    equal((other.input_tokens, other.output_tokens, *details), (2000, 300, 1024, 128))


AZURE_CLIENT = CLIENTS["AzureOpenAI(azure_endpoint=.../azure-openai/RESOURCE)"]

with check("AzureOpenAI: usage with cached and reasoning tokens, plain, streamed and of Responses"):
    usage_details(AZURE_CLIENT)

with check("AzureOpenAI: chat.completions.stream() puts a streamed answer together"):
    stream_helper(AZURE_CLIENT)

with check("AzureOpenAI: with_raw_response sees the gateway's headers beside the provider's"):
    raw = AZURE_CLIENT.chat.completions.with_raw_response.create(model=CHAT, messages=ASK)
    equal(raw.headers["cf-aig-provider"], "azure-openai-sa")
    equal([raw.headers["cf-aig-step"], raw.headers["cf-aig-attempts"]], ["0", "1"])
    equal(len(raw.headers["cf-aig-log-id"]), 36)
    assert raw.headers["cf-aig-event-id"] and raw.headers["cf-aig-request-id"] and raw.headers["x-ms-region"]
    assert raw.parse().choices[0].message.content.startswith(SAID)

finish()

"""PyPI `openai`, asynchronous clients: the same calls, many at once."""

from __future__ import annotations

import asyncio

from openai import AsyncAzureOpenAI, AsyncOpenAI

from outcome import check, equal, finish, put_together
from place import AZURE, BASE, CHAT, EMBED, KEY, SAID, VERSION, headers

ASK = [{"role": "user", "content": "What does the invoice cover?"}]
# At once, on connections that the client shares between them.
CALLS = 16


async def chat(client: AsyncOpenAI, number: int) -> str:
    ask = [{"role": "user", "content": f"Question {number}"}]
    answer = await client.chat.completions.create(model=CHAT, messages=ask)
    assert answer.choices[0].message.content.startswith(SAID)
    return answer.id


async def stream(client: AsyncOpenAI) -> None:
    text, usage = "", None
    opened = await client.chat.completions.create(
        model=CHAT, messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    async for chunk in opened:
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        usage = chunk.usage or usage
    assert text.startswith(SAID) and usage.completion_tokens > 0


async def responses(client: AsyncOpenAI) -> None:
    answer = await client.responses.create(model=CHAT, input="What does the invoice cover?")
    assert answer.output_text.startswith(SAID) and answer.usage.output_tokens > 0


async def responses_stream(client: AsyncOpenAI) -> None:
    async with client.responses.stream(model=CHAT, input="What does the invoice cover?") as events:
        kinds = [event.type async for event in events]
        whole = await events.get_final_response()
    equal(kinds[-1], "response.completed")
    assert whole.output_text.startswith(SAID) and whole.usage.output_tokens > 0
    put_together(whole.model_dump_json())


async def main() -> None:
    options = {"api_key": KEY, "default_headers": headers(), "max_retries": 0}
    clients: dict[str, AsyncOpenAI] = {
        "AsyncAzureOpenAI": AsyncAzureOpenAI(azure_endpoint=AZURE, api_version=VERSION, **options),
        "AsyncOpenAI": AsyncOpenAI(base_url=f"{BASE}/openai", **options),
    }
    for name, client in clients.items():
        async with client:
            with check(f"{name}: {CALLS} chats at once, each with an answer of its own"):
                equal(len(set(await asyncio.gather(*(chat(client, number) for number in range(CALLS))))), CALLS)
            with check(f"{name}: streamed chat with usage"):
                await stream(client)
            with check(f"{name}: embeddings"):
                answer = await client.embeddings.create(model=EMBED, input="one")
                equal(len(answer.data[0].embedding), 1536)
            with check(f"{name}: Responses"):
                await responses(client)
            with check(f"{name}: responses.stream() puts a streamed answer together"):
                await responses_stream(client)


asyncio.run(main())
finish()

"""PyPI `openai` over TLS, at a gateway that wants a token of its own besides the provider's key."""

from __future__ import annotations

import ssl

import openai
from openai import AzureOpenAI, DefaultHttpxClient

from outcome import check, equal, finish
from place import CHAT, KEY, RESOURCE, SAID, SUITE, TLS_BASE, TLS_CERTIFICATE, TOKEN, VERSION, headers

ASK = [{"role": "user", "content": "What does the invoice cover?"}]


def azure(sent: dict[str, str]) -> AzureOpenAI:
    trust = ssl.create_default_context(cafile=TLS_CERTIFICATE)
    return AzureOpenAI(
        azure_endpoint=f"{TLS_BASE}/azure-openai/{RESOURCE}",
        api_version=VERSION,
        api_key=KEY,
        default_headers=sent,
        max_retries=0,
        http_client=DefaultHttpxClient(verify=trust),
    )


def chat(sent: dict[str, str]) -> str:
    return azure(sent).chat.completions.create(model=CHAT, messages=ASK).choices[0].message.content


with check("with the token: chat over TLS"):
    assert chat(headers(**{"cf-aig-authorization": f"Bearer {TOKEN}"})).startswith(SAID)

with check("without the token: AuthenticationError of the gateway, nothing is forwarded"):
    try:
        chat(headers())
    except openai.AuthenticationError as error:
        equal(error.response.json()["internalCode"], 2009)
    else:
        raise AssertionError("it was let in")

with check("another tenant than the token's: PermissionDeniedError"):
    try:
        chat(headers(tenant=f"not-{SUITE}", **{"cf-aig-authorization": f"Bearer {TOKEN}"}))
    except openai.PermissionDeniedError as error:
        assert "token" in error.response.json()["description"]
    else:
        raise AssertionError("it was let in")

finish()

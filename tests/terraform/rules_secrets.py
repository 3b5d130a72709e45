"""No secret in a plan, in an output or in the state."""

from __future__ import annotations

import re

from expressions import literal
from selection import Modules, needed, resources

SECRET_NAME = re.compile(r"secret|password|token|private_key|access_key|api_key|credential")


def secrets_are_sensitive(modules: Modules) -> list[str]:
    problems = []
    for module in modules.values():
        for block in module.of("variable") + module.of("output"):
            sensitive = "sensitive" in block.arguments and literal(block.arguments["sensitive"]) == "true"
            if SECRET_NAME.search(block.labels[0]) and not sensitive:
                problems.append(f"{module.folder}: {block.address} sounds like a secret and is not `sensitive`")
    return problems


def no_secret_is_made(modules: Modules) -> list[str]:
    """Resources whose attributes are secrets would put them into the state."""
    makers = (
        "aws_iam_access_key",
        "cloudflare_account_token",
        "cloudflare_api_token",
        "random_password",
        "tls_private_key",
    )
    found = [block for maker in makers for block in resources(modules, maker)]
    providers = [block for module in modules.values() for block in module.of("provider")]
    written = [
        f"provider {block.labels[0]}: `{name}` belongs in the environment"
        for block in providers
        for name in block.arguments
        if SECRET_NAME.search(name)
    ]
    return (
        [f"{block.address}: its secret would lie in the state" for block in found]
        + needed(providers, "provider")
        + written
    )

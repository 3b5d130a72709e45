"""Whether a secret is anywhere but where it was put away."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from following import Followed
from tally import Tally

SECRETS = "secrets"
LENGTH_MIN = 16


def check(tally: Tally, followed: Followed) -> None:
    """Looks in all that was printed and in every file that came to be outside `secrets`, gateway.log among them."""
    hidden = secrets(followed)
    printed = {f"output of {said.block}": f"{said.out}{said.err}".encode() for said in followed.outcome.said}
    files = {str(path.relative_to(followed.working)): path.read_bytes() for path in visible(followed.working)}
    leaks = [
        f"{secret} in {place}"
        for place, held in (printed | files).items()
        for secret, texts in hidden.items()
        if any(text and text.encode() in held for text in texts)
    ]
    title = f"no secret in {len(printed)} outputs and {len(files)} files"
    tally.check(title, len(printed) > 0 and len(files) > 0 and not leaks, "; ".join(leaks))


def check_all_known(tally: Tally, followed: Followed) -> None:
    """What is empty or short would be found nowhere or everywhere."""
    hidden = secrets(followed)
    doubtful = [secret for secret, texts in hidden.items() if not texts or min(map(len, texts)) < LENGTH_MIN]
    tally.check(f"{len(hidden)} secrets are known to look for", not doubtful, f"{doubtful}")


def secrets(followed: Followed) -> dict[str, list[str]]:
    """Each with the texts that give it away; of a private key any line will do."""
    around = followed.around
    found = {
        "S3 secret": [around.s3.secret_key],
        "Azure key": [around.azure_key],
        "Cloudflare token": [around.cloudflare_token],
        "gateway token": [followed.outcome.token],
        "database password": [urlsplit(around.database_url).password or ""],
    }
    for key in sorted((followed.working / SECRETS).glob("*.pem")):
        # The last line may be too short to be nobody else's.
        found[key.name] = key.read_text().splitlines()[:-2]
    return found


def visible(working: Path) -> list[Path]:
    everything = (path for path in sorted(working.rglob("*")) if path.is_file())
    return [path for path in everything if path.relative_to(working).parts[0] != SECRETS]

"""The values of step 2, and the few that the script adds to the document, each with its reason."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass, replace

from document import Block
from stand_ins import ACCOUNT, DEPLOYMENT, LAKE_BUCKET, LOG_BUCKET, RESOURCE, StandIns
from tracks import Track


@dataclass(frozen=True)
class Addition:
    """A variable that no newcomer sets."""

    name: str
    value: str
    reason: str


def additions(track: Track, around: StandIns, token: str) -> list[Addition]:
    """All of them: what else the commands run with is PATH and HOME."""
    both = [Addition("DELIVERY_SECONDS", "0", "the script itself waits until the object is there")]
    if track is Track.OWN:
        return [
            *both,
            Addition("GATELOG__GATEWAY__AZURE_BASE_URL", around.azure, "Azure is simulated"),
            Addition("GATELOG__GATEWAY__AUDIT__SHIP_INTERVAL_SECONDS", "1", "half a minute is long"),
        ]
    r2 = f"https://{ACCOUNT}.r2.cloudflarestorage.com"
    return [
        *both,
        Addition("GATELOG__CLOUDFLARE__API_URL", around.cloudflare, "Cloudflare's API is simulated"),
        Addition("GATELOG__LOGPUSH__ENDPOINT", r2, "the job has to name R2, and the bucket is on this machine"),
        Addition("GATEWAY_TOKEN", token, "step 7's is made in Cloudflare's dashboard"),
    ]


def values(gateway_url: str, around: StandIns) -> dict[str, str]:
    """What stands for the values of step 2. The S3 server has one pair of keys, so all three are the same."""
    keys = {f"{who}_ID": around.s3.access_key for who in ("READER", "LAKE", "WRITER")}
    keys |= {f"{who}_SECRET": around.s3.secret_key for who in ("READER", "LAKE", "WRITER")}
    return keys | {
        "ACCOUNT": ACCOUNT,
        "GATEWAY_URL": gateway_url,
        "BUCKET_ENDPOINT": around.s3.endpoint,
        "LOG_BUCKET": LOG_BUCKET,
        "LAKE_BUCKET": LAKE_BUCKET,
        "DATABASE_URL": around.database_url,
        "AZURE_RESOURCE": RESOURCE,
        "AZURE_DEPLOYMENT": DEPLOYMENT,
        "AZURE_OPENAI_API_KEY": around.azure_key,
        "CLOUDFLARE_API_TOKEN": around.cloudflare_token,
    }


def replaced(block: Block, ours: dict[str, str]) -> Block:
    """The block of values with the script's instead of the document's."""
    return replace(block, text="".join(f"export {name}={shlex.quote(value)}\n" for name, value in ours.items()))


def exported(block: Block) -> set[str]:
    """What bash, not a pattern, says that this block exports."""
    quiet = f'before=$(compgen -e)\n{block.text}\ncomm -13 <(sort <<<"$before") <(compgen -e | sort)\n'
    command = ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", quiet]
    names = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True).stdout
    return set(names.split())

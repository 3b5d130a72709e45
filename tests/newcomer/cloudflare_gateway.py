"""What stands for Cloudflare's AI Gateway: a gatelog gateway of the script's own, which speaks the same.

It seals with the key file that step 3 made and writes to where the Logpush job of step 6 says, with the job's keys: if
either is wrong, no cost line comes out of it.
"""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import ports
from job import Destination
from processes import run, stop
from stand_ins import StandIns

CONFIG = """\
account_id = {account}
[gateway]
listen = {listen}
gateways = ["production"]
authentication = true
azure_base_url = {azure}
[gateway.audit]
public_key_file = {public_key}
spool_folder = {spool}
ship_interval_seconds = 1
[source]
prefixes = [{prefix}]
[source.bucket]
name = {bucket}
region = "auto"
endpoint = {endpoint}
access_key_id = {access_key}
secret_access_key = {secret_key}
[database]
url = {database}
[status]
listen = "127.0.0.1:0"
[log]
format = "json"
"""
# Its log line once it does, and how long that may take.
LISTENING = "answering requests"
START_SECONDS = 20


@dataclass
class CloudflareGateway:
    binary: Path
    folder: Path
    around: StandIns
    address: str
    token: str
    process: subprocess.Popen[str] | None = None

    @staticmethod
    def make(binary: Path, folder: Path, around: StandIns) -> CloudflareGateway:
        """Its address and a token for its callers are there before it is: at Cloudflare it would run already."""
        folder.mkdir()
        environment = {"GATELOG__DATABASE__URL": around.elsewhere_url}
        run([str(binary), "migrate"], environment, folder)
        token = run([str(binary), "token", "create", "newcomer"], environment, folder).strip()
        return CloudflareGateway(binary, folder, around, f"127.0.0.1:{ports.free()}", token)

    def start(self, destination: Destination, public_key: Path) -> None:
        values = {
            "account": destination.account,
            "listen": self.address,
            "azure": self.around.azure,
            "public_key": str(public_key),
            "spool": str(self.folder / "spool"),
            "prefix": destination.prefix,
            "bucket": destination.bucket,
            "endpoint": self.around.s3.endpoint,
            "access_key": destination.access_key,
            "secret_key": destination.secret_key,
            "database": self.around.elsewhere_url,
        }
        config = self.folder / "gateway.toml"
        # Strings are spelt in TOML as in JSON.
        config.write_text(CONFIG.format(**{name: json.dumps(value) for name, value in values.items()}))
        command = [str(self.binary), "--config", str(config), "gateway"]
        log = self.folder / "gateway.log"
        with log.open("w") as sink:
            self.process = subprocess.Popen(
                command, env={}, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, text=True
            )
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            if LISTENING in log.read_text():
                return
            time.sleep(0.05)
        raise RuntimeError(f"the stand-in for Cloudflare's gateway does not listen\n{log.read_text()}")

    def stop(self) -> int | None:
        """Its exit code, if it was ever started."""
        return stop(self.process) if self.process else None

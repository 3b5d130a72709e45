"""`gatelog gateway`, as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from installation import ACCOUNT, GATEWAY, GatewayInstallation

START_SECONDS = 30
STOP_SECONDS = 20
LISTENING = "answering requests"


@dataclass
class Gateway:
    installation: GatewayInstallation
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    base: str = ""

    @staticmethod
    def start(installation: GatewayInstallation, name: str, **leaves: str) -> Gateway:
        """Starts one with its own spool and, by the environment, other `gateway` leaves than the file's."""
        folder = installation.folder
        log = folder / f"{name}.log"
        environment = {
            "GATELOG__LOG__FILTER": "info",
            "GATELOG__LOG__FORMAT": "json",
            "GATELOG__GATEWAY__AUDIT__SPOOL_FOLDER": str(folder / f"{name}-spool"),
        } | {f"GATELOG__GATEWAY__{leaf.upper()}": value for leaf, value in leaves.items()}
        command = [str(installation.binaries / "gatelog"), "--config", str(installation.config()), "gateway"]
        with log.open("wb") as sink:
            process = subprocess.Popen(command, env=os.environ | environment, stdout=sink, stderr=sink)
        return Gateway(installation, name, process, log)

    def wait_until_listening(self, scheme: str = "http") -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            said = next((line for line in self.lines() if line.get("message") == LISTENING), None)
            if said:
                self.base = f"{scheme}://{said['address']}/v1/{ACCOUNT}/{GATEWAY}"
                return
            time.sleep(0.02)
        sys.exit(f"the gateway `{self.name}` does not listen\n{self.log.read_text()}")

    def lines(self) -> list[dict[str, object]]:
        """Whole lines of its log."""
        whole = self.log.read_text().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in whole if line.startswith("{")]

    def errors(self) -> list[dict[str, object]]:
        return [line for line in self.lines() if line["level"] == "ERROR"]

    def stop(self) -> int:
        """SIGTERM; the exit code. It drains and ships what is left of its log before it ends."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

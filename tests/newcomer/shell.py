"""One bash that runs blocks in order, so that folder, exports and background programs persist as in a person's shell.

Between two blocks it waits to be told to go on. When it ends, it stops what runs in the background, as its parent alone
can learn how that ended.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from document import Block

# Far above what any block takes, and below what a person waits for.
BLOCK_SECONDS = 60
TAIL_BYTES = 2_000

PROGRAM = """\
set -euo pipefail
at_end() {{
  trap - ERR EXIT
  set +eu
  for pid in $(jobs -p); do
    kill -TERM "$pid"
    wait "$pid"
    echo "background $?"
  done >> {ended}
  echo "token $GATEWAY_TOKEN" >> {ended}
}}
failed_at() {{
  echo "line $1" >> {ended}
}}
trap 'failed_at "$LINENO"' ERR
trap at_end EXIT
{steps}
"""
STEP = """\
read -r _
. {} > {} 2> {} < /dev/null
echo done
"""


class CannotGoOn(Exception):
    """What a block builds on is not there."""


@dataclass(frozen=True)
class Said:
    """What one block wrote."""

    block: Block
    out: str
    err: str


@dataclass
class Outcome:
    """How far it got. `failure` is empty if every block ended well."""

    said: list[Said] = field(default_factory=list)
    failure: str = ""
    # Exit codes of the programs that were left in the background.
    background: list[int] = field(default_factory=list)
    # The one that step 7 put into a variable, which no other process can see.
    token: str = ""

    def of_step(self, step: str) -> list[Said]:
        return [said for said in self.said if said.block.step == step]


@dataclass(frozen=True)
class Shell:
    # Where program, blocks and outputs are kept: not where the newcomer works.
    folder: Path

    def run(
        self, blocks: list[Block], environment: dict[str, str], working: Path, before: Callable[[Block], None]
    ) -> Outcome:
        """Runs the blocks; `before` is called before each."""
        self.folder.mkdir()
        program = self.folder / "program"
        program.write_text(PROGRAM.format(ended=shlex.quote(str(self._ended())), steps=self._steps(blocks)))
        command = ["bash", "--noprofile", "--norc", str(program)]
        with (self.folder / "program.err").open("w") as complaints:
            # A session of its own, so that whatever a block left behind can be ended with it.
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=working,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,
            )
        outcome = Outcome()
        try:
            for index, block in enumerate(blocks):
                try:
                    before(block)
                except CannotGoOn as reason:
                    outcome.failure = f"before {block}: {reason}"
                    break
                problem = self._step(process, block)
                outcome.said.append(self._said(index, block))
                if problem:
                    outcome.failure = f"{block}: {problem}{self._why(outcome.said[-1])}"
                    break
        finally:
            self._end(process, killing=outcome.failure != "" or len(outcome.said) < len(blocks))
        self._read_end(outcome)
        return outcome

    def _steps(self, blocks: list[Block]) -> str:
        steps = []
        for index, block in enumerate(blocks):
            # Bash counts lines from the start of a file: so its messages name the document's own.
            self._path(index, block.page).write_text("\n" * (block.line - 1) + block.text)
            paths = [shlex.quote(str(self._path(index, kind))) for kind in (block.page, "out", "err")]
            steps.append(STEP.format(*paths))
        return "".join(steps)

    def _path(self, index: int, kind: str) -> Path:
        return self.folder / f"{index:02} {kind}"

    def _ended(self) -> Path:
        return self.folder / "ended"

    def _step(self, process: subprocess.Popen[bytes], block: Block) -> str:
        """Lets it go on and waits for the block's end; what went wrong, if anything."""
        assert process.stdin is not None and process.stdout is not None
        deadline = time.monotonic() + BLOCK_SECONDS
        process.stdin.write(b"go\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], deadline - time.monotonic())[0]:
            return f"not done after {BLOCK_SECONDS} s"
        if process.stdout.readline() == b"done\n":
            return ""
        return f"ended with exit code {process.wait()}"

    def _said(self, index: int, block: Block) -> Said:
        out, err = (self._path(index, kind) for kind in ("out", "err"))
        return Said(block, *(path.read_text() if path.exists() else "" for path in (out, err)))

    def _why(self, said: Said) -> str:
        """Where in the document, and the last that was said."""
        ended = self._ended().read_text().splitlines() if self._ended().exists() else []
        where = [line.split()[1] for line in ended if line.startswith("line ")]
        at = f" at line {where[0]}" if where else ""
        return f"{at}\n{said.out[-TAIL_BYTES:]}{said.err[-TAIL_BYTES:]}".rstrip()

    def _end(self, process: subprocess.Popen[bytes], *, killing: bool) -> None:
        """Bash ends at the end of its program; it defers a signal while a command runs, so that gets it too."""
        if killing and process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(BLOCK_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _read_end(self, outcome: Outcome) -> None:
        for line in self._ended().read_text().splitlines() if self._ended().exists() else []:
            match line.split():
                case ["background", code]:
                    outcome.background.append(int(code))
                case ["token", token]:
                    outcome.token = token
                case _:
                    pass

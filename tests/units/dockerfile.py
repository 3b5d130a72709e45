"""A Dockerfile as a list of instructions, and what an engine would make of it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path

# What a Debian image has in its environment.
DEBIAN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Instruction:
    name: str
    text: str

    def flags(self) -> dict[str, str]:
        """`--name=value` before the arguments; the last of a name."""
        words = [word for word in self.text.split() if word.startswith("--")]
        return dict(word[2:].partition("=")[::2] for word in words)

    def arguments(self) -> list[str]:
        return [word for word in shlex.split(self.text) if not word.startswith("--")]

    def exec_form(self) -> list[str] | None:
        """The words of a JSON array; `None` for the shell form."""
        try:
            words = json.loads(self.text)
        except ValueError:
            return None
        return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


@dataclass
class Stage:
    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        return [instruction for instruction in self.instructions if instruction.name == name]

    def last(self, name: str) -> Instruction | None:
        return next(reversed(self.all(name)), None)

    def environment(self) -> dict[str, str]:
        pairs = [word for instruction in self.all("ENV") for word in instruction.arguments()]
        return dict(pair.partition("=")[::2] for pair in pairs)


@dataclass
class Dockerfile:
    stages: list[Stage]

    @staticmethod
    def read(path: Path) -> Dockerfile:
        stages: list[Stage] = []
        for instruction in instructions(path.read_text()):
            if instruction.name == "FROM":
                base, *name = instruction.arguments()
                stages.append(Stage(base, name[1] if len(name) == 2 else ""))
            else:
                stages[-1].instructions.append(instruction)
        return Dockerfile(stages)

    @property
    def final(self) -> Stage:
        return self.stages[-1]

    def entrypoint(self) -> list[str]:
        return self.final.last("ENTRYPOINT").exec_form() or []

    def health_command(self) -> list[str]:
        """What stands after HEALTHCHECK's CMD."""
        text = self.final.last("HEALTHCHECK").text.partition("CMD")[2].strip()
        return Instruction("CMD", text).exec_form() or []

    def environment(self) -> dict[str, str]:
        return {"PATH": DEBIAN_PATH} | self.final.environment()

    def owner(self) -> tuple[int, int]:
        user, _, group = self.final.last("USER").text.partition(":")
        return int(user), int(group)


def instructions(text: str) -> list[Instruction]:
    """Comments go, continued lines are joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    parts = [line.partition(" ") for line in joined.splitlines()]
    return [Instruction(name.upper(), rest.strip()) for name, _, rest in parts]

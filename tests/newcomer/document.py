"""A Markdown page as a list of fenced blocks, each with where it stands and what is said before it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HEADING = re.compile(r"#+ +(?P<text>.*)")
FENCE = re.compile(r"(?P<indent> *)```(?P<kind>.*)")


@dataclass(frozen=True)
class Block:
    """One fenced block. `line` is that of its first command, counted from 1, as editors do."""

    page: str
    number: int
    kind: str
    heading: str
    line: int
    text: str
    # The paragraph right above.
    said_before: str

    @property
    def step(self) -> str:
        """The number that its heading begins with."""
        return self.heading.split()[0].rstrip(".")

    def __str__(self) -> str:
        return f"block {self.number} of {self.page}, line {self.line}, under `{self.heading}`"


@dataclass(frozen=True)
class Page:
    name: str
    text: str
    blocks: list[Block]

    @staticmethod
    def read(path: Path) -> Page:
        text = path.read_text()
        return Page(path.name, text, blocks(path.name, text.splitlines()))

    def section(self, heading: str) -> str:
        """What stands under the headings that begin with this text, up to the next heading."""
        parts = re.split(r"^(?=#+ )", self.text, flags=re.MULTILINE)
        return "".join(part for part in parts if part.lstrip("# ").startswith(heading))


def blocks(page: str, lines: list[str]) -> list[Block]:
    found: list[Block] = []
    heading, paragraph = "", [""]
    rows = iter(enumerate(lines, start=1))
    for row, line in rows:
        if fence := FENCE.fullmatch(line):
            code = inside(page, row, fence["indent"], rows)
            said = " ".join(paragraph).strip()
            found.append(Block(page, len(found) + 1, fence["kind"], heading, row + 1, code, said))
            paragraph = [""]
        elif title := HEADING.fullmatch(line):
            heading, paragraph = title["text"], [""]
        elif line.strip():
            # A paragraph ends with an empty line; it is kept until the next one begins.
            paragraph = [line.strip()] if paragraph[-1] == "" else [*paragraph, line.strip()]
        else:
            paragraph = [*paragraph, ""]
    return found


def inside(page: str, opened: int, indent: str, rows: enumerate[str]) -> str:
    """The lines up to the closing fence, without what the list around the block indents them by."""
    code: list[str] = []
    for _, line in rows:
        if line == f"{indent}```":
            return "".join(f"{line}\n" for line in code)
        code.append(line.removeprefix(indent))
    raise ValueError(f"{page}: the block that line {opened} opens is never closed")

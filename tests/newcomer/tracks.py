"""The two ways through install.md, and which blocks belong to each."""

from __future__ import annotations

from enum import Enum

from document import Block, Page


class Track(Enum):
    """Named as the headings and blocks of the document mark them."""

    CLOUDFLARE = "C"
    OWN = "G"

    def runs(self, block: Block) -> bool:
        return block.kind in ("sh", "sh values", f"sh {self.value}")


# Whatever is spelt otherwise would be left out without a word.
KINDS = {"sh", "sh values", "sh not-run", *(f"sh {track.value}" for track in Track)}
# How the text in front of a block that is not run has to say so.
SAYS_SO = "`make newcomer`"


def of(page: Page, track: Track) -> list[Block]:
    return [block for block in page.blocks if track.runs(block)]


def unknown(page: Page) -> list[str]:
    return [f"{block} is `{block.kind}`" for block in page.blocks if block.kind not in KINDS]


def unexplained(page: Page) -> list[str]:
    """Blocks that are not run, and that do not say why."""
    return [str(block) for block in page.blocks if block.kind == "sh not-run" and SAYS_SO not in block.said_before]

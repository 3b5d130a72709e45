"""The commands of keys.md, in the folder where install.md was followed."""

from __future__ import annotations

import re
from dataclasses import replace

from document import Block, Page
from shell import Outcome
from tally import Tally

MAKE, ROTATE = "Make one", "Rotate without losing a line"
TWO_KEYS = "2 private keys"
CHECK = "gatelog check"
RING = re.compile(r"private_key_files = \[[^]]*\]")
# What a person does in an editor: the page shows the new ring, the file has the old one.
EDIT = "sed -i 's#^private_key_files = .*#{ring}#' gatelog.toml\n"


def blocks(keys: Page) -> list[Block]:
    """Rotation, with the edit and the check that the page describes in words and shows in TOML."""
    found: list[Block] = []
    for block in keys.blocks:
        if block.heading != ROTATE:
            continue
        if block.kind == "toml":
            ring = RING.search(block.text)
            if not ring:
                raise ValueError(f"{block} has no `private_key_files`")
            found.append(replace(block, kind="sh", text=f"{EDIT.format(ring=ring[0])}{CHECK}\n"))
        else:
            found.append(block)
    return found


def check_page(tally: Tally, keys: Page, install: Page) -> None:
    """No key is made twice in one folder: the page must have the commands that install.md was run with."""
    made = [line for block in keys.blocks if block.heading == MAKE for line in block.text.splitlines()]
    followed = {line for block in install.blocks if block.kind == "sh" for line in block.text.splitlines()}
    other = [line for line in made if line not in followed]
    tally.check(f"`{MAKE}` of {keys.name} has the commands of {install.name}", bool(made) and not other, f"{other}")
    says = " ".join(keys.section(ROTATE).split())
    tally.check(f"{keys.name} says of `{CHECK}`: `{TWO_KEYS}`", f"`{CHECK}` says `{TWO_KEYS}`" in says)


def check(tally: Tally, keys: Page, outcome: Outcome) -> None:
    ran = [said for said in outcome.said if said.block.page == keys.name]
    tally.equal(f"blocks of `{ROTATE}` that ran", len(ran), len(blocks(keys)))
    checked = [said.out for said in ran if CHECK in said.block.text]
    tally.check(f"then `{CHECK}` says `{TWO_KEYS}`", len(checked) == 1 and TWO_KEYS in checked[0], f"{checked}")

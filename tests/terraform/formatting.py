"""Terraform's own formatting."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tally import Tally
from terraform_run import command


def check_formatting(tally: Tally, source: Path) -> None:
    tally.check("terraform fmt: nothing to change", unformatted(source))
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(source, Path(folder) / "copy")
        file = copy / "modules" / "gateway" / "main.tf"
        file.write_text(file.read_text().replace("  account_id = ", "  account_id =  ", 1))
        tally.check(
            "noticed when broken: a file that terraform fmt would change",
            [] if unformatted(copy) else ["it was not reported"],
        )


def unformatted(folder: Path) -> list[str]:
    done = command(["fmt", "-check", "-recursive", "-diff", "-no-color"], folder)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]

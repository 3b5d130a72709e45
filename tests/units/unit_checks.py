"""What systemd and the binary say to the units."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tally import Tally

from accepted import Binary
from unit_file import UnitFile

README = "deploy/systemd/README.md"
INSTALLED = "/usr/local/bin/gatelog"
# The version whose score the units state; others weigh differently, and only the bound counts.
SCORED_VERSION = "252"
# Tenths, as --threshold takes them: what is measured, and some room for how other versions weigh.
EXPOSURE_MAX = 15
# Longest drain of either role, seconds: 30 s of answers or commits, 20 s of shipping, 5 s of spans.
DRAIN_SECONDS = 55
# Configurations that the unit of a role must fit.
EXAMPLES = {
    "ingest": ["deploy/gatelog.toml", "deploy/image/ingest.toml"],
    "gateway": ["deploy/gateway.toml", "deploy/image/gateway.toml"],
}


def check(tally: Tally, root: Path, units: list[UnitFile], binary: Binary) -> None:
    for unit in units:
        check_manager(tally, root, unit, binary)
        name = unit.path.name
        command = unit.command()
        tally.equal(f"{name}: program and role", (command[0], command[-1]), (INSTALLED, unit.role))
        tally.equal(f"{name}: `{' '.join(command)}`: words unknown to the binary", binary.unknown_words(command), [])
        for example in EXAMPLES[unit.role]:
            objection = binary.objection(root / example, overrides(unit))
            tally.equal(f"{name}: what the binary says to its Environment= over {example}", objection, None)
        check_credentials(tally, unit)
        temporary = unit.environment().get("TMPDIR", unit.state_folder())
        tally.equal(f"{name}: temporary files are in the state folder", temporary, unit.state_folder())
        first = unit.settings["SystemCallFilter"][:1]
        tally.check(f"{name}: system calls are allowed by name", bool(first) and not first[0].startswith("~"), str(first))
        stop = unit.stop_seconds()
        tally.check(f"{name}: TimeoutStopSec outlasts the drain", stop > DRAIN_SECONDS, f"{stop} s")
    check_readme(tally, root, binary)


def check_readme(tally: Tally, root: Path, binary: Binary) -> None:
    """Variables that the drop-ins of the README set, each over the example that has every key."""
    names = set(re.findall(r"GATELOG__[A-Z_]+[A-Z]", (root / README).read_text()))
    for name in sorted(names):
        value = '["/file"]' if name.endswith("_FILES") else "/file"
        tally.equal(f"{README}: {name}", binary.objection(root / "deploy/gateway.toml", {name: value}), None)
    unknown = binary.objection(root / "deploy/gateway.toml", {"GATELOG__DATABASE__URLFILE": "/file"})
    tally.check("the binary refuses a variable that it does not know", unknown is not None)


def overrides(unit: UnitFile) -> dict[str, str]:
    return {name: value for name, value in unit.environment().items() if name.startswith("GATELOG__")}


def check_credentials(tally: Tally, unit: UnitFile) -> None:
    """Each that is loaded is used, and each that is used is loaded."""
    folder = f"{unit.credentials_folder()}/"
    used = re.findall(rf"{re.escape(folder)}([\w.-]+)", " ".join(unit.environment().values()))
    tally.equal(f"{unit.path.name}: credentials loaded and used", sorted(unit.credentials()), sorted(used))
    # A mistaken key that the binary takes for a path would be found only at the start.
    plain = [name for name in overrides(unit) if not name.endswith(("_FILE", "_FILES", "_FOLDER"))]
    tally.equal(f"{unit.path.name}: overrides that are no paths", plain, [])


def check_manager(tally: Tally, root: Path, unit: UnitFile, binary: Binary) -> None:
    """`systemd-analyze`, on a copy that names the binary where it is."""
    name = unit.path.name
    if not shutil.which("systemd-analyze"):
        print(f"LEFT OUT {name}: verify and security: there is no systemd-analyze (Debian: systemd)")
        return
    copy = binary.folder / name
    copy.write_text(unit.text.replace(INSTALLED, str(binary.path)))
    verified = analyze("verify", str(copy))
    complaints = verified.stdout + verified.stderr
    tally.check(f"{name}: verify has nothing to say", verified.returncode == 0 and not complaints, complaints)
    scored = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", str(copy))
    found = re.search(r"exposure level for \S+ ([\d.]+)", scored.stdout)
    score = found[1] if found else scored.stderr
    tally.check(f"{name}: exposure {score} is at most {EXPOSURE_MAX / 10}", scored.returncode == 0 and bool(found))
    if analyze("--version").stdout.split()[1] == SCORED_VERSION:
        tally.equal(f"{name}: exposure as its comment says", score, unit.stated_exposure())
        is_in_table = f"| `{name}` | {score} OK |" in (root / README).read_text()
        tally.check(f"{name}: exposure as {README} says", is_in_table)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)

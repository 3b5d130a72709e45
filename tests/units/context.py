"""What of the repository reaches the build: .dockerignore, then COPY."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dockerfile import Dockerfile


@dataclass(frozen=True)
class Ignore:
    """Rules in order; the last that matches a path or a folder above it decides."""

    rules: list[tuple[re.Pattern[str], bool]]

    @staticmethod
    def read(path: Path) -> Ignore:
        lines = [line.strip() for line in path.read_text().splitlines()]
        lines = [line for line in lines if line and not line.startswith("#")]
        return Ignore([(pattern(line.removeprefix("!")), line.startswith("!")) for line in lines])

    def is_kept(self, path: PurePosixPath) -> bool:
        above = [str(path), *(str(folder) for folder in path.parents if str(folder) != ".")]
        kept = True
        for rule, keeps in self.rules:
            if any(rule.fullmatch(name) for name in above):
                kept = keeps
        return kept


def pattern(line: str) -> re.Pattern[str]:
    """`**` crosses folders, `*` and `?` do not."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", line.strip("/"))
    made = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(made.get(part, re.escape(part)) for part in parts))


def has_some_of(source: PurePosixPath, root: Path, ignore: Ignore) -> bool:
    """Whether a COPY of `source` would find anything."""
    place = root / source
    files = place.rglob("*") if place.is_dir() else [place] if place.is_file() else []
    return any(ignore.is_kept(PurePosixPath(file.relative_to(root))) for file in files)


def copied(dockerfile: Dockerfile) -> list[PurePosixPath]:
    """Sources of every COPY that reads the context."""
    copies = [copy for stage in dockerfile.stages for copy in stage.all("COPY") if "from" not in copy.flags()]
    return [PurePosixPath(source) for copy in copies for source in copy.arguments()[:-1]]


def reaches(path: PurePosixPath, ignore: Ignore, sources: list[PurePosixPath]) -> bool:
    return ignore.is_kept(path) and any(source in (path, *path.parents) for source in sources)


def read_by_cargo(root: Path) -> set[PurePosixPath]:
    """Manifests, what is embedded from outside its crate, and every source."""
    needed = {PurePosixPath(name) for name in ("Cargo.toml", "Cargo.lock", "tests/Cargo.toml", "tests/src/lib.rs")}
    for manifest in root.glob("crates/*/Cargo.toml"):
        needed.add(PurePosixPath(manifest.relative_to(root)))
        for source in manifest.parent.rglob("*.rs"):
            needed.add(PurePosixPath(source.relative_to(root)))
            places = embedded(source, manifest.parent)
            needed |= {PurePosixPath(place.relative_to(root)) for place in places}
    targets = re.findall(r'^path = "(.+)"', (root / "tests/Cargo.toml").read_text(), re.MULTILINE)
    return needed | {PurePosixPath("tests", target) for target in targets}


def embedded(source: Path, crate: Path) -> set[Path]:
    """`include_str!` counts from the source, `migrate!` from the crate."""
    text = source.read_text()
    included = re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', text)
    migrations = re.findall(r'migrate!\(\s*"([^"]+)"', text)
    places = [source.parent / name for name in included] + [crate / name for name in migrations]
    return {place.resolve() for place in places}

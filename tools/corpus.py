"""Corpora of bench/gen_corpus.py, made once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

GENERATOR = Path(__file__).resolve().parent.parent / "bench" / "gen_corpus.py"
PRIVATE_KEY = "private.pem"


def cache_folder() -> Path:
    """Where things are kept between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GATELOG_CACHE_DIR") or Path(cache) / "gatelog")


def corpus(*options: str) -> Path:
    """The corpus that the generator makes of these options; days are folders, as in a Logpush bucket.

    Named after the generator's text and the options. Made aside and moved into place, so that it is whole or not there.
    """
    options = ("--day-dirs", *options)
    name = hashlib.sha256(GENERATOR.read_bytes() + "\0".join(options).encode()).hexdigest()[:16]
    folder = cache_folder() / "corpus" / name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder.parent))
        print(f"making a corpus: {' '.join(options)}", file=sys.stderr, flush=True)
        try:
            subprocess.run([sys.executable, GENERATOR, "--out", aside, *options], check=True, stdout=sys.stderr)
            aside.rename(folder)
        except BaseException:
            shutil.rmtree(aside)
            raise
    return folder


def totals(folder: Path) -> dict[str, Any]:
    """The generator's own count of a corpus."""
    return json.loads((folder / "manifest.json").read_text())["totals"]

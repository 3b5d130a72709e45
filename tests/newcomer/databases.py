"""Databases in the cluster that `gatelog-testkit-postgres` runs these checks beside."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from processes import run

# Set by gatelog-testkit-postgres.
CLUSTER_VARIABLE = "GATELOG_TEST_DATABASE_URL"


def make(name: str, folder: Path) -> str:
    """The URL of a new database, of a role that owns it and nothing else, as step 2 of the document has it."""
    cluster, password = os.environ[CLUSTER_VARIABLE], secrets.token_hex(16)
    role = f"CREATE ROLE {name} LOGIN PASSWORD '{password}'"
    database = f"CREATE DATABASE {name} OWNER {name}"
    run(["psql", cluster, "--no-psqlrc", "--quiet", "--command", role, "--command", database], dict(os.environ), folder)
    return f"postgres://{name}:{password}@127.0.0.1:{urlsplit(cluster).port}/{name}"

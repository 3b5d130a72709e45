"""What Postgres says: the rollup behind the bill, and the ledger of objects."""

from __future__ import annotations

from typing import Any

import psycopg2

from table import Access
from totals import Totals

OVERALL = "SELECT sum(requests), NULL, sum(input_tokens), sum(output_tokens), sum(cost_usd) FROM gatelog.cost_daily"
TENANTS = "SELECT tenant_id, sum(requests), sum(cost_usd) FROM gatelog.cost_daily GROUP BY 1"

# Everything below must come out as the number of events; each is kept apart from the others.
COUNTS = {
    "events of the ledger": "SELECT sum(events) FROM gatelog.source_object",
    "lines of the ledger": "SELECT sum(lines) FROM gatelog.source_object WHERE state = 'committed'",
    "events of the commits": "SELECT sum(events) FROM gatelog.lake_commit",
    "rows of the output files": "SELECT sum(rows) FROM gatelog.output_file",
    "requests of the hourly rollup": "SELECT sum(requests) FROM gatelog.rollup_hourly",
    "requests of the monthly view": "SELECT sum(requests) FROM gatelog.cost_monthly",
}
# The one provider of the corpus without a list price: it must show, and nothing else may.
UNPRICED = "SELECT DISTINCT provider FROM gatelog.rollup_hourly WHERE unpriced > 0"


def read_rollup(access: Access) -> Totals:
    """The bill, by the view that people ask."""
    return Totals.from_rows(ask(access, OVERALL)[0], None, ask(access, TENANTS))


def problems(access: Access, expected: Totals) -> list[str]:
    """One sentence for each number that is not what was generated."""
    found = []
    for name, statement in COUNTS.items():
        count = ask(access, statement)[0][0]
        if count != expected.rows:
            found.append(f"{name}: {count} against {expected.rows}")
    unpriced = [provider for (provider,) in ask(access, UNPRICED)]
    if unpriced != ["workers-ai"]:
        found.append(f"unpriced providers: {unpriced}")
    return found


def ask(access: Access, statement: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(access.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()
    finally:
        connection.close()

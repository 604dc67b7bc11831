"""Looks for a text in every column of every table of a service's database."""

from __future__ import annotations

from shared.runtime.postgres import Connection

_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') ORDER BY 1
"""


async def tables_holding(connection: Connection, text: str) -> list[str]:
    """Return the tables with a row that holds these characters, in texts or (in UTF-8) in bytes."""
    found = []
    for (table,) in await connection.fetch(_TABLES):
        # A row as text shows bytes in hex digits, and a quotation mark or backslash twice.
        shown = text.replace("\\", "\\\\").replace('"', '""')
        sought = (
            f"SELECT true FROM {table} AS t WHERE position($1 IN t::text) > 0 OR position($2 IN t::text) > 0 LIMIT 1"
        )
        if await connection.fetchval(sought, shown, text.encode().hex()):
            found.append(table)
    return found

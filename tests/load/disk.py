"""What rows cost on disk, by table and by index. The write-ahead log is left out: its size is bounded, not growing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.load.yardstick import line

_SIZES: Final = """
SELECT c.oid::regclass::text, pg_table_size(c.oid)::bigint, ARRAY(
    SELECT (i.indexrelid::regclass::text, pg_relation_size(i.indexrelid)::bigint) FROM pg_index AS i
    WHERE i.indrelid = c.oid ORDER BY 1)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('public', 'backbone', 'derived') ORDER BY pg_total_relation_size(c.oid) DESC
"""
SHOWN_BYTES_MIN: Final = 10.0
"""Tables that take less a statement are left out."""


@dataclass(frozen=True, slots=True)
class TableSize:
    """Bytes: of the rows, what is stored out of line included, and of each index."""

    rows: float
    indexes: Mapping[str, float]

    @property
    def total(self) -> float:
        """All of it."""
        return self.rows + sum(self.indexes.values())


async def table_sizes(
    connection: Any, statements: int, empty: Mapping[str, TableSize] | None = None
) -> dict[str, TableSize]:
    """Return what the tables of a database take a statement, the largest first.

    empty: what they took, all of it, before the first statement came.
    """
    sizes = {name: TableSize(size, dict(indexes)) for name, size, indexes in await connection.fetch(_SIZES)}
    return {name: _each(size, (empty or {}).get(name), statements) for name, size in sizes.items()}


def _each(size: TableSize, empty: TableSize | None, statements: int) -> TableSize:
    before = empty or TableSize(0, {})
    indexes = {name: (one - before.indexes.get(name, 0)) / statements for name, one in size.indexes.items()}
    return TableSize((size.rows - before.rows) / statements, indexes)


def size_lines(sizes: Mapping[str, TableSize]) -> Iterator[str]:
    """Yield a line for each table that matters, and one for all."""
    shown: Sequence[tuple[str, TableSize]] = [one for one in sizes.items() if one[1].total >= SHOWN_BYTES_MIN]
    for name, size in shown:
        indexes = ", ".join(f"{index} {each:,.0f}" for index, each in size.indexes.items())
        yield line("", f"{size.total:,.0f} bytes a statement in {name}: rows {size.rows:,.0f}, {indexes}")
    everything = sum(size.total for size in sizes.values())
    yield line("on disk", f"{everything:,.0f} bytes a statement, so {everything / 1e3:,.2f} GB a million; WAL excluded")

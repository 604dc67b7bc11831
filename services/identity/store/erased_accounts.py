"""The accounts of whom was erased, kept until whoever holds what platforms said has removed their identifiers."""

from __future__ import annotations

from typing import Final

from shared.runtime.backbone import Backbone

_LIST: Final = (
    "SELECT organisation, identifier FROM erased_accounts WHERE person = $1 ORDER BY organisation, identifier"
)
_FORGET: Final = "DELETE FROM erased_accounts WHERE person = $1"


class PostgresErasedAccounts:
    """An ErasedAccounts."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def of(self, person: str) -> list[tuple[str, str]]:
        """Return organisation and identifier of each account that the erased person had and that is not forgotten."""
        async with self._backbone.reading() as connection:
            return [(row[0], row[1]) for row in await connection.fetch(_LIST, person)]

    async def forget(self, person: str) -> None:
        """Have them forgotten. Safe to repeat."""
        async with self._backbone.backbone() as tx:
            await tx.connection.execute(_FORGET, person)

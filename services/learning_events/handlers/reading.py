"""Gives statements back, and takes a person's out of the world."""

from __future__ import annotations

from services.learning_events.domain.served import StoredStatement
from services.learning_events.handlers.ports import ArrivalPage, Reader, Statements
from shared.kernel.errors import NotFound


class Reading:
    """Gives statements back."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def statement(self, reader: Reader, statement_id: str, *, is_void: bool) -> StoredStatement:
        """Return the statement, which is void or is not, as was asked. Raises NotFound."""
        found = await self._statements.find(reader, statement_id.lower())
        if found is None or found.is_void is not is_void:
            raise NotFound("There is no such statement, or none that this key may read.")
        return found

    async def arrivals(self, reader: Reader, position: tuple[int, int, int] | None, limit: int) -> ArrivalPage:
        """Return what arrived after `position`, or without one the newest; in the order of arrival."""
        if position is None:
            return await self._statements.newest(reader, limit)
        return await self._statements.after(reader, position, limit)


async def erase_person(statements: Statements, person: str) -> None:
    """Have emptied everything this person's stream tells: originals, normal forms, facts. Safe to repeat.

    Ids stay, so that a statement that is sent again is not stored again. An alias is a person of its own here.
    """
    await statements.erase(person)

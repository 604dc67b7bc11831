"""Statements by activity or id, for the door of the organisation that sent them; and what of theirs was voided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from services.skill_inference.domain.testimony import Statement
from services.skill_inference.store.desk import ConnectedDesk
from shared.runtime.postgres import Connection

_COLUMNS: Final = "subject, number, fact_id::text, organisation, statement, activity, result, occurred_at"
_OF_ACTIVITY: Final = f"""
SELECT {_COLUMNS} FROM statements
WHERE organisation = $1 AND activity = $2 AND subject >= $3 AND (subject, number) > ($3, $4)
ORDER BY subject, number LIMIT $5
"""  # noqa: S608 - a constant
_OF_ID: Final = f"""
SELECT {_COLUMNS} FROM statements
WHERE organisation = $1 AND statement = $2 AND (subject, number) > ($3, $4) ORDER BY subject, number LIMIT $5
"""  # noqa: S608 - a constant
_VOIDED: Final = f"""
SELECT {_COLUMNS} FROM statements
WHERE subject = ANY($1::text[]) AND organisation = $2 AND statement = ANY($3::text[])
"""  # noqa: S608 - a constant


class Place(NamedTuple):
    """After which statement a page begins."""

    subject: str = ""
    number: int = 0


async def statements_of(
    connection: Connection, organisation: str, *, activity: str | None, statement: str | None, after: Place, limit: int
) -> list[Statement]:
    """Return the statements about the activity, or those with the id, by subject and number; voided ones too."""
    query, asked = (_OF_ID, statement) if activity is None else (_OF_ACTIVITY, activity)
    rows = await connection.fetch(query, organisation, asked, after.subject, after.number, limit)
    return [Statement(*row) for row in rows]


class ConnectedEffectsDesk(ConnectedDesk):
    """A desk that also finds what was voided."""

    async def voided_statements(
        self, members: Mapping[str, Collection[str]], organisation: str
    ) -> dict[str, list[Statement]]:
        """Return by person the statements of this organisation that are kept and voided, whichever id voided them."""
        void = {one for one in await self.voided(members) if one[1] == organisation}
        found: defaultdict[str, list[Statement]] = defaultdict(list)
        if void:
            persons = {subject: person for person, ids in members.items() for subject in ids}
            ids = sorted({statement for _, _, statement in void})
            for row in await self._connection.fetch(_VOIDED, list(persons), organisation, ids):
                statement = Statement(*row)
                if (persons[statement.subject], organisation, statement.statement) in void:
                    found[persons[statement.subject]].append(statement)
        return found

"""Frameworks of organisations: versions in an owned table, which a door reads of its own organisation only."""

from __future__ import annotations

from typing import Final

from services.skill_inference.handlers.importing import VERSIONS_KEPT, AdoptedFramework
from shared.runtime.postgres import Connection

_COLUMNS: Final = "slug, version, digest, name, skills, mapped, content, form, adopted_at, adopted_by"
_IN_FORCE: Final = f"""
SELECT DISTINCT ON (slug) {_COLUMNS} FROM frameworks WHERE organisation = $1 ORDER BY slug, version DESC
"""  # noqa: S608 - a constant
_HEADS: Final = "SELECT slug, max(version) FROM frameworks WHERE organisation = $1 GROUP BY slug ORDER BY slug"
_VERSIONS: Final = f"""
SELECT {_COLUMNS} FROM frameworks WHERE organisation = $1 AND slug = $2 ORDER BY version DESC
"""  # noqa: S608 - a constant
_ADOPT: Final = f"""
INSERT INTO frameworks (organisation, {_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""  # noqa: S608 - a constant
_PRUNE: Final = "DELETE FROM frameworks WHERE organisation = $1 AND slug = $2 AND version <= $3"


class OrganisationFrameworks:
    """The frameworks of one organisation in one transaction of a door."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    async def in_force(self) -> list[AdoptedFramework]:
        """Return what is in force, by slug."""
        return [AdoptedFramework(*row) for row in await self._connection.fetch(_IN_FORCE, self._organisation)]

    async def heads(self) -> dict[str, int]:
        """Return which version of each framework is in force."""
        return dict(await self._connection.fetch(_HEADS, self._organisation))

    async def versions(self, slug: str) -> list[AdoptedFramework]:
        """Return the versions that are kept, newest first."""
        return [AdoptedFramework(*row) for row in await self._connection.fetch(_VERSIONS, self._organisation, slug)]

    async def adopt(self, adopted: AdoptedFramework) -> None:
        """Have put this version into force, and dropped versions beyond VERSIONS_KEPT."""
        await self._connection.execute(_ADOPT, self._organisation, *adopted)
        await self._connection.execute(_PRUNE, self._organisation, adopted.slug, adopted.version - VERSIONS_KEPT)

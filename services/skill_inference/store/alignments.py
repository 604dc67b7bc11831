"""Alignments: versions in an owned table, and what they say, kept parsed in memory while they are in force.

Batches hold the alignments shared, an adoption alone: so no batch reads a version while another comes into force, and
whoever was heard under the old one is found by the sweep that begins after it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.skill_inference.domain.alignment import Target, targets
from services.skill_inference.domain.alignment_csv import parse_alignments
from services.skill_inference.handlers.adopting import VERSIONS_KEPT, Adopted, Table, Touched, Version
from services.skill_inference.handlers.desk import Basis
from services.skill_inference.store.unaligned import OrganisationActivities
from shared.runtime.postgres import Connection

ALIGNMENTS_LOCK_KEY: Final = 0x6465_6564_616C_6967
"""Shared by every transaction that reads alignments, exclusive for one that adopts; "deedalig" in ASCII."""
ACTIVITIES_MAX: Final = 200_000
"""Activities whose targets are kept parsed, some 100 MB; beyond, whose alignments were read least recently go."""

_HOLD: Final = "SELECT pg_advisory_xact_lock_shared($1)"
BASIS: Final = """
SELECT 'statements'::regclass::oid::bigint AS generation,
       coalesce((SELECT max(adoption) FROM alignment_tables), 0) AS adoption,
       coalesce(
           greatest((SELECT max(number) FROM release_adoptions), (SELECT max(number) FROM release_erasures)), 0
       ) AS calibration
"""
_IN_FORCE: Final = "SELECT organisation, max(version) FROM alignment_tables GROUP BY organisation"
_CONTENT: Final = "SELECT content FROM alignment_tables WHERE organisation = $1 AND version = $2"
_SELECT: Final = """
SELECT organisation, version, content, digest, lines, activities, form, adopted_at, adopted_by, named
FROM alignment_tables WHERE organisation = $1
"""
_CURRENT: Final = f"{_SELECT} ORDER BY version DESC LIMIT 1"
_VERSION: Final = f"{_SELECT} AND version = $2"
_VERSIONS: Final = """
SELECT version, digest, lines, activities, form, adopted_at, adopted_by
FROM alignment_tables WHERE organisation = $1 ORDER BY version DESC
"""
_ADOPT: Final = """
INSERT INTO alignment_tables
    (organisation, version, digest, lines, activities, content, form, adopted_at, adopted_by, named)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_SWEEP: Final = "INSERT INTO sweeps (organisation, version_before, version, requested_at) VALUES ($1, $2, $3, $4)"
_PRUNE: Final = "DELETE FROM alignment_tables WHERE organisation = $1 AND version <= $2"


class _InForce(NamedTuple):
    adoption: int
    versions: Mapping[str, int]


class AlignmentBook:
    """What activities show, for every transaction of this process. Versions never change, so they may be kept."""

    def __init__(self, skills: Collection[str], activities_max: int = ACTIVITIES_MAX) -> None:
        self._skills = skills
        self._activities_max = activities_max
        self._in_force = _InForce(-1, {})
        self._read: OrderedDict[tuple[str, int], Mapping[str, Target]] = OrderedDict()

    async def hold(self, connection: Connection) -> Basis:
        """Hold the alignments as they are until the transaction ends, and say what evidence is read by."""
        # Two statements: the second must see what was committed while the first waited.
        await connection.execute(_HOLD, ALIGNMENTS_LOCK_KEY)
        return Basis(*await connection.fetchrow(BASIS))

    async def targets(
        self, connection: Connection, organisations: Collection[str], basis: Basis | None = None
    ) -> dict[str, Mapping[str, Target]]:
        """Return what activities show by the alignments in force of each organisation. basis: where it is held."""
        if not organisations:
            return {}
        versions = await self._versions(connection, basis)
        return {
            organisation: await self.version(connection, organisation, versions[organisation]) or {}
            for organisation in organisations
            if organisation in versions
        }

    async def version(self, connection: Connection, organisation: str, version: int) -> Mapping[str, Target] | None:
        """Return what activities show by this version, be it in force or not; None where it is not kept any more."""
        found = self._read.get((organisation, version))
        if found is None:
            content = await connection.fetchval(_CONTENT, organisation, version)
            if content is None:
                return None
            found = await asyncio.to_thread(_parsed, content, self._skills)
            self._read[organisation, version] = found
            while len(self._read) > 1 and sum(map(len, self._read.values())) > self._activities_max:
                self._read.popitem(last=False)
        else:
            self._read.move_to_end((organisation, version))
        return found

    async def _versions(self, connection: Connection, basis: Basis | None) -> Mapping[str, int]:
        basis = basis or Basis(*await connection.fetchrow(BASIS))
        known = self._in_force
        if known.adoption != basis.adoption:
            known = _InForce(basis.adoption, dict(await connection.fetch(_IN_FORCE)))
            # A slower reader must not put an older state in place of a newer one.
            if known.adoption > self._in_force.adoption:
                self._in_force = known
        return known.versions


class OrganisationAlignments:
    """The alignments of one organisation in one transaction of a door."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    async def hold_alone(self) -> None:
        """Hold everybody's alignments alone until the transaction ends."""
        await self._connection.execute("SELECT pg_advisory_xact_lock($1)", ALIGNMENTS_LOCK_KEY)

    async def in_force(self) -> Adopted | None:
        """Return what is in force, None when nothing ever was."""
        row = await self._connection.fetchrow(_CURRENT, self._organisation)
        return None if row is None else _adopted(row)

    async def adopt(self, adopted: Adopted) -> None:
        """Have put this version into force, asked for a sweep, and dropped versions beyond VERSIONS_KEPT."""
        table, version = adopted.table, adopted.version
        await self._connection.execute(
            _ADOPT,
            self._organisation,
            version,
            table.digest,
            table.lines,
            table.activities,
            table.content,
            table.form,
            adopted.adopted_at,
            adopted.adopted_by,
            table.named,
        )
        await self._connection.execute(_SWEEP, self._organisation, version - 1, version, adopted.adopted_at)
        await self._connection.execute(_PRUNE, self._organisation, version - VERSIONS_KEPT)


class OrganisationVersions:
    """The versions of one organisation's alignments in one transaction of a door, and whom they touch."""

    def __init__(self, connection: Connection, organisation: str, book: AlignmentBook) -> None:
        self._connection = connection
        self._organisation = organisation
        self._book = book

    async def versions(self) -> list[Version]:
        """Return the versions that are kept, newest first."""
        return [Version(*row) for row in await self._connection.fetch(_VERSIONS, self._organisation)]

    async def version(self, version: int) -> Adopted | None:
        """Return a version, None where it is not kept."""
        row = await self._connection.fetchrow(_VERSION, self._organisation, version)
        return None if row is None else _adopted(row)

    async def targets(self, version: int) -> Mapping[str, Target] | None:
        """Return what activities show by this version, None where it is not kept."""
        return await self._book.version(self._connection, self._organisation, version)

    async def people(self, activities: Collection[str]) -> Touched:
        """Return how many have a statement about one of these activities."""
        return await OrganisationActivities(self._connection, self._organisation).people(activities)


async def sweep_everybody(connection: Connection, now: datetime) -> None:
    """Have asked for everybody to be looked at."""
    await connection.execute(_SWEEP, None, None, None, now)


def _parsed(content: bytes, skills: Collection[str]) -> Mapping[str, Target]:
    """Return what a table says under this build's framework; a line whose skill the framework lost says nothing."""
    return targets(parse_alignments(content.decode(), skills).rows)


def _adopted(row: Any) -> Adopted:
    organisation, version, content, digest, lines, activities, form, adopted_at, adopted_by, named = row
    table = Table(content, digest, lines, activities, form, named)
    return Adopted(organisation, version, table, adopted_at, adopted_by)

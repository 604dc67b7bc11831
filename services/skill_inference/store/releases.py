"""Releases: documents in an owned table, and the one in force, kept parsed in memory while it is.

Whatever changes by what people are judged takes a number that is never used again. Batches read it with the basis that
they hold, an adoption and an erasure hold it alone: so no batch judges by one release and is told under another, in
whatever process it runs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.skill_inference.domain.annexes import parse_reviewers
from services.skill_inference.domain.ledgers import Ledgers
from services.skill_inference.domain.release import Release, parse_release
from services.skill_inference.handlers.desk import Inference
from services.skill_inference.handlers.releasing import Adoption, Brought
from services.skill_inference.store.alignments import ALIGNMENTS_LOCK_KEY, BASIS, sweep_everybody
from shared.kernel import canonical_json
from shared.kernel.errors import Broken, Rejected
from shared.runtime.postgres import Connection

REVIEWERS: Final = "reviewers"
"""The annex whose entries are rows."""

_CALIBRATION: Final = f"SELECT basis.calibration FROM ({BASIS}) AS basis"  # noqa: S608 - a constant
_IN_FORCE: Final = """
SELECT release, adopted_at, adopted_by FROM release_adoptions WHERE number <= $1 ORDER BY number DESC LIMIT 1
"""
_LAST: Final = 2**63 - 1
_DOCUMENT: Final = "SELECT document FROM releases WHERE id = $1"
_ALL: Final = """
SELECT id, name, origin FROM releases ORDER BY brought_at, id
"""
_CONTENT: Final = "SELECT content FROM release_annexes WHERE digest = $1"
_ENTRIES: Final = "SELECT reviewer, content FROM release_reviewers WHERE digest = $1"
_KEEP: Final = """
INSERT INTO releases (id, name, origin, document, brought_at, brought_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
"""
_KEEP_ANNEX: Final = """
INSERT INTO release_annexes (digest, content, entries) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_KEEP_ENTRIES: Final = """
INSERT INTO release_reviewers (digest, reviewer, content)
SELECT $1, reviewer, content FROM unnest($2::text[], $3::text[]) AS sent (reviewer, content)
WHERE NOT EXISTS (SELECT FROM release_erasures AS gone WHERE gone.reviewer = sent.reviewer)
ON CONFLICT DO NOTHING
"""
_ADOPT: Final = "INSERT INTO release_adoptions (release, adopted_at, adopted_by) VALUES ($1, $2, $3)"
_FORGET: Final = "DELETE FROM release_reviewers WHERE reviewer = ANY($1::text[]) RETURNING reviewer"
_REMEMBER_GONE: Final = """
INSERT INTO release_erasures (reviewer, number)
SELECT reviewer, CASE WHEN reviewer = ANY($2::text[]) THEN nextval('calibrations') END
FROM unnest($1::text[]) AS reviewer
ON CONFLICT DO NOTHING
"""
_TOLD: Final = "SELECT release, count(*), count(DISTINCT person) FROM told GROUP BY release ORDER BY release"


class Kept(NamedTuple):
    """What is known of a release without its document."""

    id: str
    name: str
    origin: str


class ToldUnder(NamedTuple):
    """How many estimates stand told under a release, and of how many people."""

    release: str
    estimates: int
    people: int


class ReleaseBook:
    """By what people are judged, for every transaction of this process.

    base: under the release that holds while none was adopted; framework, rules, clock and ids are the same under all.
    """

    def __init__(self, base: Inference, ledger_observations_max: int) -> None:
        self.base = base
        self._observations_max = ledger_observations_max
        self._calibration = 0
        self._inference = self._under(base.release)

    async def now(self, connection: Connection) -> Inference:
        """Return by what people are judged at present. Whoever asked keeps it until their answer is whole."""
        return await self.inference(connection, await connection.fetchval(_CALIBRATION))

    async def inference(self, connection: Connection, calibration: int) -> Inference:
        """Return by what people are judged under the calibration of a basis. Raises Broken where it cannot be read.

        Another calibration than before begins without ledgers: those of the old one are dropped.
        """
        if calibration == self._calibration:
            return self._inference
        found = self._under(await self._release(connection, calibration))
        self._calibration, self._inference = calibration, found
        return found

    def _under(self, release: Release) -> Inference:
        return replace(self.base, release=release, ledgers=Ledgers(self._observations_max))

    async def _release(self, connection: Connection, calibration: int) -> Release:
        adopted = await connection.fetchrow(_IN_FORCE, calibration)
        if adopted is None:
            return self.base.release
        return await read_release(connection, adopted[0])


async def read_release(connection: Connection, release: str) -> Release:
    """Return a release that is kept, with its readout and knowing tasks and reviewers by what is left of its annexes.

    Raises Broken for one that this build cannot read: it was adopted, so a build that could read it is needed.
    """
    document = await connection.fetchval(_DOCUMENT, release)
    try:
        plain = await asyncio.to_thread(parse_release, document or b"")
        contents = await _contents(connection, plain)
        entries = await connection.fetch(_ENTRIES, plain.annexes.get(REVIEWERS))
        return await asyncio.to_thread(_known, plain, contents, entries)
    except Rejected as error:
        raise Broken(f"release {release} is in force, and this build cannot read it: {error}") from error


class InForce(NamedTuple):
    """The release in force: its document, what it knows, and its annexes as bytes, erased reviewers left out."""

    document: bytes
    release: Release
    annexes: Mapping[str, bytes]


async def in_force_or(connection: Connection, first: bytes) -> InForce:
    """Return the release in force; `first`, which has no annexes, while nothing was adopted."""
    desk = ConnectedReleases(connection)
    current = await desk.in_force()
    document = None if current is None else await desk.document(current.release)
    if current is None or document is None:
        return InForce(first, parse_release(first), {})
    release = await read_release(connection, current.release)
    annexes = await _contents(connection, release)
    if REVIEWERS in release.annexes:
        entries = await connection.fetch(_ENTRIES, release.annexes[REVIEWERS])
        kept = {reviewer: json.loads(content) for reviewer, content in entries}
        annexes[REVIEWERS] = canonical_json.dumps({REVIEWERS: kept})
    return InForce(document, release, annexes)


async def _contents(connection: Connection, release: Release) -> dict[str, bytes]:
    """Return the annexes that are kept as bytes."""
    found = {name: await connection.fetchval(_CONTENT, digest) for name, digest in release.annexes.items()}
    return {name: raw for name, raw in found.items() if raw is not None}


async def forget_reviewers(connection: Connection, persons: Collection[str], now: datetime) -> None:
    """Have no release know anything of these reviewers any more, nor any that is brought later.

    Everybody is looked at again where one of them was known. Call it before the transaction holds a basis.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", ALIGNMENTS_LOCK_KEY)
    known = sorted({row[0] for row in await connection.fetch(_FORGET, sorted(persons))})
    await connection.execute(_REMEMBER_GONE, sorted(persons), known)
    if known:
        await sweep_everybody(connection, now)


async def told_under(connection: Connection) -> list[ToldUnder]:
    """Return how many estimates stand told under each release. Walks all that was told."""
    return [ToldUnder(*row) for row in await connection.fetch(_TOLD)]


class ConnectedReleases:
    """Releases over one connection: in a transaction of an operator, or to read from."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def hold_alone(self) -> None:
        """Hold what people are judged by alone until the transaction ends."""
        await self._connection.execute("SELECT pg_advisory_xact_lock($1)", ALIGNMENTS_LOCK_KEY)

    async def all(self) -> list[Kept]:
        """Return every release that was brought, oldest first."""
        return [Kept(*row) for row in await self._connection.fetch(_ALL)]

    async def document(self, release: str) -> bytes | None:
        """Return the document of this id, None where it was never brought."""
        found: bytes | None = await self._connection.fetchval(_DOCUMENT, release)
        return found

    async def in_force(self) -> Adoption | None:
        """Return what was adopted last, None when nothing ever was."""
        row = await self._connection.fetchrow(_IN_FORCE, _LAST)
        return None if row is None else Adoption(*row)

    async def keep(self, brought: Brought, by: str, now: datetime) -> None:
        """Have kept the release and its annexes; what is kept already stays, and so does who was erased."""
        release = brought.release
        await self._connection.execute(_KEEP, release.id, release.name, release.origin, brought.document, now, by)
        for name, raw in brought.annexes.items():
            if name == REVIEWERS:
                await self._keep_reviewers(release.annexes[name], json.loads(raw)[REVIEWERS])
            else:
                await self._connection.execute(_KEEP_ANNEX, release.annexes[name], raw, None)

    async def adopt(self, adoption: Adoption) -> None:
        """Have put the release into force, and asked for everybody to be looked at."""
        await self._connection.execute(_ADOPT, *adoption)
        await sweep_everybody(self._connection, adoption.adopted_at)

    async def _keep_reviewers(self, digest: str, entries: Mapping[str, Any]) -> None:
        await self._connection.execute(_KEEP_ANNEX, digest, None, len(entries))
        contents = [json.dumps(one) for one in entries.values()]
        await self._connection.execute(_KEEP_ENTRIES, digest, list(entries), contents)


def _known(plain: Release, contents: Mapping[str, bytes], entries: Sequence[Any]) -> Release:
    """Return the release with what is known. Entries of reviewers were held to their hash when they were brought."""
    found = plain.with_annexes(contents)
    reviewers = json.dumps({REVIEWERS: {row[0]: json.loads(row[1]) for row in entries}})
    return replace(found, reviewers=replace(found.reviewers, known=parse_reviewers(reviewers.encode())))

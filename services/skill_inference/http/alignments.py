"""The alignments of an organisation over HTTP: whole tables in versions, tried before they come into force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from services.skill_inference.domain.alignment import ASSURANCES
from services.skill_inference.domain.alignment_changes import changes
from services.skill_inference.domain.alignment_csv import parse_alignments
from services.skill_inference.domain.alignment_json import alignments_document
from services.skill_inference.domain.observation import DIFFICULTY_MAX, Assurance
from services.skill_inference.domain.their_names import TheirNames
from services.skill_inference.handlers.adopting import (
    Adopted,
    DryRun,
    ReadTable,
    Sent,
    adopt,
    alignments_of,
    dry_run,
    read_table,
    targets_of,
)
from services.skill_inference.handlers.adopting import version_of as kept_version
from services.skill_inference.handlers.importing import Customs
from services.skill_inference.http.answers import adopted_answer, change_answer, tried_answer, version_answer
from services.skill_inference.http.callers import KINDS, READING, WRITING, after_activity, organisation_of, version_of
from services.skill_inference.store.alignments import AlignmentBook, OrganisationAlignments, OrganisationVersions
from services.skill_inference.store.frameworks import OrganisationFrameworks
from shared.kernel.clock import Clock
from shared.kernel.errors import Rejected, TooLarge, Unavailable
from shared.runtime.backbone import Backbone
from shared.runtime.etags import check_if_match, is_unchanged, version_etag
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import encode_cursor, page, page_limit

CSV: Final = "text/csv"
JSON: Final = "application/json"
TABLE_BYTES_MAX: Final = 8 << 20
"""8 MiB, some 80,000 lines."""
_CHANGES: Final = "alignment-changes"
_READING_FIELDS: Final = ("difficulty", "assurance")


class Alignments:
    """The tables of an organisation. nudge: called once a table came into force."""

    def __init__(
        self,
        backbone: Backbone,
        clock: Clock,
        customs: Customs,
        book: AlignmentBook,
        nudge: Callable[[], None],
    ) -> None:
        self._backbone = backbone
        self._clock = clock
        self._customs = customs
        self._skills = customs.framework.skills
        self._book = book
        self._nudge = nudge

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        path = "/v1/alignments"
        return [
            endpoint("PUT", path, self.put, scopes=WRITING, kinds=KINDS),
            endpoint("GET", path, self.get, scopes=READING, kinds=KINDS),
            endpoint("POST", f"{path}:validate", self.validate, scopes=WRITING, kinds=KINDS),
            endpoint("GET", f"{path}/versions", self.versions, scopes=READING, kinds=KINDS),
            endpoint("GET", f"{path}/versions/{{version}}", self.version, scopes=READING, kinds=KINDS),
            endpoint("GET", f"{path}/changes", self.changes, scopes=READING, kinds=KINDS),
        ]

    async def put(self, call: Call) -> Reply:
        """Take a whole table into force, all lines or none; with If-Match only in place of the version it names."""
        organisation = organisation_of(call, *_READING_FIELDS)
        names, heads = await self._names(organisation)
        read = await self._read(await _sent(call), names)

        def check(current: Adopted | None) -> None:
            check_if_match(call.headers, None if current is None else version_etag(current.version))

        async with self._backbone.door(organisation) as tx:
            desk = OrganisationAlignments(tx.connection, organisation)
            now = self._clock.now()
            await desk.hold_alone()
            if await OrganisationFrameworks(tx.connection, organisation).heads() != heads:
                raise Unavailable("a framework came into force while this table was read; send it again", 1)
            adopted, is_new = await adopt(desk, organisation, read.table, call.principal.id, now, check)
        self._nudge()
        more = {"passed_over": read.passed_over, "is_new": is_new}
        return Reply.json(adopted_answer(adopted) | more, headers={"ETag": version_etag(adopted.version)})

    async def validate(self, call: Call) -> Reply:
        """Answer what PUT would do with this table, or every fault it would name; nothing comes into force."""
        organisation = organisation_of(call, *_READING_FIELDS)
        names, _ = await self._names(organisation)
        sent = await _sent(call)
        try:
            read = await self._read(sent, names)
        except TooLarge:
            raise
        except Rejected as error:
            return Reply.json(tried_answer(DryRun(error.faults)))
        async with self._backbone.door(organisation) as tx:
            found = await dry_run(OrganisationVersions(tx.connection, organisation, self._book), read)
        return Reply.json(tried_answer(found))

    async def get(self, call: Call) -> Reply:
        """Answer the table in force: as it was sent where that was CSV; with ?format=json as rows of our skills."""
        organisation = organisation_of(call, "format")
        async with self._backbone.door(organisation) as tx:
            adopted = await alignments_of(OrganisationAlignments(tx.connection, organisation))
        return await self._answered(call, adopted)

    async def version(self, call: Call) -> Reply:
        """Answer the table of one version, as `get` does that of the version in force."""
        organisation = organisation_of(call, "format")
        number = version_of(call.path["version"], "version")
        async with self._backbone.door(organisation) as tx:
            adopted = await kept_version(OrganisationVersions(tx.connection, organisation, self._book), number)
        return await self._answered(call, adopted)

    async def versions(self, call: Call) -> Reply:
        """Answer which versions are kept, newest first; they are few, so one page holds them."""
        organisation = organisation_of(call)
        async with self._backbone.door(organisation) as tx:
            found = await OrganisationVersions(tx.connection, organisation, self._book).versions()
        return Reply.json(page([version_answer(one) for one in found], None))

    async def changes(self, call: Call) -> Reply:
        """Answer what differs between the versions `from` and `to`, by activity; 0 is before the first."""
        organisation = organisation_of(call, "from", "to", "limit", "cursor")
        query, limit = call.query, page_limit(call.query)
        first, last = (version_of(query.get(name, ""), name) for name in ("from", "to"))
        after = after_activity(_CHANGES, query)
        async with self._backbone.door(organisation) as tx:
            desk = OrganisationVersions(tx.connection, organisation, self._book)
            before, now = await targets_of(desk, first), await targets_of(desk, last)
        found = await asyncio.to_thread(changes, before, now)
        rest = [one for one in found if one.activity > after]
        cursor = encode_cursor(_CHANGES, [rest[limit - 1].activity]) if len(rest) > limit else None
        return Reply.json(page([change_answer(one) for one in rest[:limit]], cursor))

    async def _names(self, organisation: str) -> tuple[TheirNames, Mapping[str, int]]:
        """Return what the organisation may call skills, and by which versions of its frameworks."""
        async with self._backbone.door(organisation) as tx:
            found = await OrganisationFrameworks(tx.connection, organisation).in_force()
        frameworks = {one.slug: await asyncio.to_thread(self._customs.read, one) for one in found}
        return self._customs.theirs(organisation, frameworks), {one.slug: one.version for one in found}

    async def _read(self, sent: Sent, names: TheirNames) -> ReadTable:
        # In a thread: 80,000 lines take a second, and others are served meanwhile.
        return await asyncio.to_thread(read_table, sent, self._skills, names)

    async def _answered(self, call: Call, adopted: Adopted) -> Reply:
        kind = call.query.get("format", "csv")
        if kind not in {"csv", "json"}:
            raise Rejected.of("format", "a table is written as csv or json", "Name one of them, or none for csv.")
        etag = version_etag(adopted.version)
        if is_unchanged(call.headers, etag):
            return Reply.empty(304, {"ETag": etag})
        if kind == "csv":
            return Reply.raw(
                adopted.table.named or adopted.table.content, f"{CSV}; charset=utf-8", headers={"ETag": etag}
            )
        read = await asyncio.to_thread(parse_alignments, adopted.table.content.decode(), self._skills)
        return Reply.json(alignments_document(read.rows), headers={"ETag": etag})


async def _sent(call: Call) -> Sent:
    """Return the table that is sent, and how the query says that activities are read. Raises Unsupported, TooLarge."""
    is_json = call.media_type(frozenset({CSV, JSON})).essence == JSON
    query = call.query
    difficulty, assurance = query.get("difficulty"), query.get("assurance")
    if assurance is not None and assurance not in ASSURANCES:
        mend = f"Name one of {', '.join(ASSURANCES)}."
        raise Rejected.of("assurance", "no such assurance is known", mend)
    content = await call.body_bytes(TABLE_BYTES_MAX)
    return Sent(
        content,
        is_json,
        None if difficulty is None else _difficulty(difficulty),
        None if assurance is None else Assurance(assurance),
    )


def _difficulty(text: str) -> float:
    try:
        difficulty = float(text)
    except ValueError:
        difficulty = float("nan")
    if not -DIFFICULTY_MAX <= difficulty <= DIFFICULTY_MAX:
        rule = f"expected a number from {-DIFFICULTY_MAX} to {DIFFICULTY_MAX}"
        raise Rejected.of("difficulty", rule, "Write logits; 0 for an average task.")
    return difficulty

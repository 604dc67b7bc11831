"""Calibration releases over HTTP: everybody reads them, operators bring them and take them into force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel, Field

from services.skill_inference.domain.release import parse_release
from services.skill_inference.handlers.releasing import Adoption, adopt_release, bring, read_brought
from services.skill_inference.http.publications import published
from services.skill_inference.store.releases import ConnectedReleases, Kept, ReleaseBook, told_under
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import NotFound
from shared.runtime.auth import Kind
from shared.runtime.backbone import Backbone
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import page
from shared.runtime.reply import JSON

RELEASE_BYTES_MAX: Final = 4 << 20
"""A document and its annexes, each of which may have 1 MiB."""
OPERATORS: Final[frozenset[Kind]] = frozenset({"admin"})


class SentRelease(BaseModel):
    """A release as `deedlog calibrate` writes it."""

    document: dict[str, Any] = Field(description="The release's own document.")
    annexes: dict[str, str] = Field(
        default_factory=dict, description="Every annex that it names, by name: the very text that was written."
    )


class ReleasesDoor:
    """Answers operators and readers. carried: the documents of this build by id. nudge: called after an adoption."""

    def __init__(
        self,
        backbone: Backbone,
        clock: Clock,
        releases: ReleaseBook,
        carried: Mapping[str, bytes],
        nudge: Callable[[], None],
    ) -> None:
        self._backbone = backbone
        self._clock = clock
        self._first = releases.base.release
        self._carried = carried
        parsed = [parse_release(raw) for raw in carried.values()]
        self._built_in = {one.id: Kept(one.id, one.name, one.origin) for one in parsed}
        self._nudge = nudge

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        path, none = "/v1/releases", frozenset[str]()
        return [
            endpoint("GET", path, self.all, scopes=None),
            endpoint("GET", f"{path}:told", self.told, scopes=none, kinds=OPERATORS),
            endpoint("POST", path, self.bring, scopes=none, kinds=OPERATORS),
            endpoint("POST", f"{path}/{{id}}:adopt", self.adopt, scopes=none, kinds=OPERATORS),
            # Behind the one above, whose paths it matches too.
            endpoint("GET", f"{path}/{{id}}", self.one, scopes=None),
        ]

    async def all(self, call: Call) -> Reply:
        """Answer the releases, which of them is in force and since when; they are few, so one page holds them."""
        async with self._backbone.reading() as connection:
            desk = ConnectedReleases(connection)
            kept, current = await desk.all(), await desk.in_force()
        known = self._built_in | {one.id: one for one in kept}
        in_force = self._first.id if current is None else current.release
        since = None if current is None else rfc3339(current.adopted_at)
        items = [
            one._asdict() | {"is_in_force": one.id == in_force, "in_force_since": since if one.id == in_force else None}
            for one in known.values()
        ]
        return Reply.json(page(items, None), headers={"Cache-Control": "no-cache"})

    async def one(self, call: Call) -> Reply:
        """Answer a release's document, byte by byte what its id was derived from. No annex is ever answered."""
        document = self._carried.get(call.path["id"])
        if document is None:
            async with self._backbone.reading() as connection:
                document = await ConnectedReleases(connection).document(call.path["id"])
        if document is None:
            raise NotFound("there is no such release; GET /v1/releases lists them")
        return published(call, document, JSON)

    async def told(self, call: Call) -> Reply:
        """Answer how many estimates stand told under each release: how far everybody's telling anew has come."""
        async with self._backbone.reading() as connection:
            found = await told_under(connection)
        return Reply.json(page([one._asdict() for one in found], None))

    async def bring(self, call: Call) -> Reply:
        """Have a release and its annexes kept, not yet in force; the same again is the same answer."""
        sent = await call.model(SentRelease, RELEASE_BYTES_MAX)
        # In a thread: annexes of a MiB take a moment to read, and others are served meanwhile.
        brought = await asyncio.to_thread(read_brought, sent.document, sent.annexes)
        async with self._backbone.door(None) as tx:
            await bring(ConnectedReleases(tx.connection), brought, call.principal.id, self._clock.now())
        release = brought.release
        return Reply.json(
            {"id": release.id, "name": release.name, "origin": release.origin, "annexes": release.annexes}
        )

    async def adopt(self, call: Call) -> Reply:
        """Have a release in force, for everybody: whose estimates name another are told anew, one after another."""
        async with self._backbone.door(None) as tx:
            adoption, is_changed = await adopt_release(
                ConnectedReleases(tx.connection),
                self._carried,
                self._first.id,
                call.path["id"],
                call.principal.id,
                self._clock.now(),
            )
        self._nudge()
        return Reply.json({"id": call.path["id"], "is_changed": is_changed} | _adoption(adoption))


def _adoption(adoption: Adoption | None) -> dict[str, Any]:
    """Return since when and by whom; None of both for what holds while nothing was adopted."""
    if adoption is None:
        return {"in_force_since": None, "adopted_by": None}
    return {"in_force_since": rfc3339(adoption.adopted_at), "adopted_by": adoption.adopted_by}

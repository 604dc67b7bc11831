"""/v1/people/{id}/inference: whether anything is inferred of a person, which is theirs to say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, Field

from services.skill_inference.store.opt_outs import Preferences, opted_out
from services.skill_inference.store.people import people
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import Forbidden, Rejected
from shared.kernel.ids import has_prefix
from shared.runtime.auth import Kind, Principal
from shared.runtime.backbone import Backbone
from shared.runtime.http import Call, Endpoint, Reply, endpoint

CALLERS: Final[frozenset[Kind]] = frozenset({"person", "admin"})


class Preference(BaseModel):
    """What the person wants."""

    is_opted_out: bool = Field(description="true: nothing is inferred of the person until they opt in again.")


class PreferencesDoor:
    """Answers the person, and an operator at their wish. nudge: called once a preference changed."""

    def __init__(self, backbone: Backbone, clock: Clock, nudge: Callable[[], None]) -> None:
        self._backbone = backbone
        self._clock = clock
        self._nudge = nudge

    def endpoints(self) -> list[Endpoint]:
        """Return the operations."""
        path, none = "/v1/people/{id}/inference", frozenset[str]()
        return [
            endpoint("GET", path, self.get, scopes=none, kinds=CALLERS),
            endpoint("PUT", path, self.put, scopes=none, kinds=CALLERS),
        ]

    async def get(self, call: Call) -> Reply:
        """Answer whether the person is opted out, and since when."""
        person, ids = await self._person(call)
        return Reply.json(_answer(person, await self._since(person, ids)))

    async def put(self, call: Call) -> Reply:
        """Have the person opted out or in: the record stays whole, and their estimates are withdrawn or told anew.

        The same once more changes nothing. An operator may opt somebody out at their wish, and nobody in.
        """
        wanted = await call.model(Preference)
        if not wanted.is_opted_out and call.principal.kind == "admin":
            raise Forbidden.of("is_opted_out", "only the person opts in again", "Have them ask for it, signed in.")
        person, ids = await self._person(call)
        async with self._backbone.door(None) as tx:
            preferences = Preferences(tx)
            if wanted.is_opted_out:
                await preferences.opt_out(ids, self._clock.now(), call.principal.kind)
            else:
                await preferences.opt_in(ids)
        self._nudge()
        return Reply.json(_answer(person, await self._since(person, ids)))

    async def _person(self, call: Call) -> tuple[str, frozenset[str]]:
        """Return the canonical id and all ids of the person. Raises Rejected, Forbidden for another than the caller."""
        named = call.path["id"]
        if not has_prefix(named, "prs"):
            raise Rejected.of("id", "this is no id of a person", "Send one such as prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC.")
        async with self._backbone.reading() as connection:
            around = await people(connection, [named])
        canonical = around.canonical(named)
        ids = around.members(canonical)
        if not _may(call.principal, ids):
            raise Forbidden.of("id", "this is for the person themself or an operator", "Ask for your own.")
        return canonical, ids

    async def _since(self, person: str, ids: frozenset[str]) -> datetime | None:
        async with self._backbone.reading() as connection:
            return (await opted_out(connection, {person: ids})).get(person)


def _may(principal: Principal, ids: frozenset[str]) -> bool:
    return principal.kind == "admin" or (principal.person is not None and str(principal.person) in ids)


def _answer(person: str, since: datetime | None) -> dict[str, Any]:
    return {
        "person": person,
        "is_opted_out": since is not None,
        "opted_out_at": None if since is None else rfc3339(since),
    }

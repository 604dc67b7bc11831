"""The page of a profile: itself, names for what it speaks of, and, for oneself, accounts, who looked and who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.console.domain import words
from services.console.domain.profile_page import Framework, ProfilePage, profile_page
from services.console.handlers.api import Json, PublicApi, together, unless_away, unless_refused

SHOWN_MAX = 20
"""Looks and requests on the page, the newest; the rest by the API."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the profile."""

    who: str
    purpose: str
    manner: str
    when: str
    at: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for the profile."""

    id: str
    who: str
    purpose: str
    state: str
    until: str
    is_pending: bool


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """An account at a platform that is the person's. is_undoable: whether it hangs on a link."""

    id: str
    platform: str
    identifier: str
    proof: str
    since: str
    at: str
    is_undoable: bool


@dataclass(frozen=True, slots=True)
class OwnProfile:
    """What only the person sees; accounts, looks and requests are None while they cannot be read."""

    accounts: Sequence[OwnAccount] | None

    looks: Sequence[Look] | None
    has_more_looks: bool
    requests: Sequence[Asked] | None


@dataclass(frozen=True, slots=True)
class Shown:
    """The page. own: None when somebody else looks."""

    profile: ProfilePage
    own: OwnProfile | None


class ProfilePages:
    """The use case."""

    def __init__(self, api: PublicApi) -> None:
        self._api = api

    async def page(self, person: str, credential: str) -> Shown:
        """Return the page of a person. Raises as the profile does: Unauthenticated, Forbidden, Unavailable."""
        path = f"/v1/people/{quote(person, safe='')}/profile"
        profile, framework = await together(self._api.get(path, credential), self._api.published("/v1/framework"))
        cuts = {release: await self._cut_points(release) for release in {one["release"] for one in profile["skills"]}}
        is_own = profile["grant"] is None
        own = await self._own(profile["person"], credential) if is_own else None
        name = await self._name(profile["person"], credential) if is_own else None
        return Shown(profile_page(profile, Framework.read(framework), cuts, name), own)

    async def _cut_points(self, release: str) -> Sequence[float] | None:
        document = await self._api.published(f"/v1/releases/{quote(release, safe='')}")
        return None if document is None else document.get("cut_points")

    async def _name(self, person: str, credential: str) -> str | None:
        found = await unless_refused(self._api.get(f"/v1/people/{quote(person, safe='')}", credential))
        return None if found is None else found.get("name")

    async def _own(self, person: str, credential: str) -> OwnProfile:
        accounts, looks, requests = await together(
            unless_refused(self._api.get(f"/v1/people/{quote(person, safe='')}/accounts", credential)),
            unless_away(self._api.get(f"/v1/accesses?limit={SHOWN_MAX}", credential)),
            unless_away(self._api.get(f"/v1/verification-requests?limit={SHOWN_MAX}", credential)),
        )
        return OwnProfile(
            None if accounts is None else [_account(one) for one in accounts["accounts"]],
            None if looks is None else [_look(one) for one in looks["items"]],
            looks is not None and looks["has_more"],
            None if requests is None else [_asked(one) for one in requests["items"]],
        )


def _account(one: Json) -> OwnAccount:
    return OwnAccount(
        id=one["id"],
        platform=one["organisation_name"],
        identifier=one["identifier"],
        proof=one["proof_words"],
        since=words.day(one["is_yours_since"]),
        at=one["is_yours_since"],
        is_undoable=one["link"] is not None,
    )


def _look(one: Json) -> Look:
    return Look(
        who=_organisation(one),
        purpose=one["purpose"],
        manner="followed a change" if one["manner"] == "follow" else "read",
        when=words.minute(one["read_at"]),
        at=one["read_at"],
    )


def _asked(one: Json) -> Asked:
    return Asked(
        id=one["id"],
        who=_organisation(one),
        purpose=one["purpose"],
        state=one["state"],
        until=words.day(one["expires_at"]),
        is_pending=one["state"] == "pending",
    )


def _organisation(one: Json) -> Any:
    return one["organisation_name"] or one["organisation"]

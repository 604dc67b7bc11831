"""Who looked at a person's profile, as the person sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.skill_profiles.handlers.reading import ProfileStore


@dataclass(frozen=True, slots=True)
class AccessShown:
    """One look: by whom, under which grant, for what, how ("read" once, or "follow" a change) and when."""

    id: str
    organisation: str
    organisation_name: str | None
    grant: str
    purpose: str
    scopes: tuple[str, ...]
    read_by: str
    manner: str
    read_at: datetime


class AccessStore(Protocol):
    """Looks as they are kept."""

    async def page(self, people: Sequence[str], before: str | None, limit: int) -> list[AccessShown]:
        """Return up to `limit` looks at these people below id `before`, newest first."""
        ...


class Accesses:
    """The use case. Callers have authenticated the person."""

    def __init__(self, store: AccessStore, profiles: ProfileStore) -> None:
        self._store = store
        self._profiles = profiles

    async def page(self, person: str, before: str | None, limit: int) -> list[AccessShown]:
        """Return up to `limit` looks at the person, also at when they were known otherwise, newest first."""
        members = await self._profiles.members(person)
        return await self._store.page([members.person, *members.aliases], before, limit)

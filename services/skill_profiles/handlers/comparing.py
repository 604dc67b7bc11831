"""A person against a role: read by themselves, and by an organisation exactly as it reads their profile.

The organisation's reading goes through the profile's own: consent asked for now, the look logged and told, and only
then is `skill_inference` asked. Why a level is what it is, what would help, and how a next try may go, is the person's
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from services.skill_profiles.domain.predictions import MarksQuestion, TaskQuestion
from services.skill_profiles.handlers.reading import Profiles, Reader


class Inference(Protocol):
    """What skill_inference answers of a canonical person. Every method raises NotFound and Unavailable."""

    async def gap(self, person: str, role: str) -> dict[str, Any]:
        """Return what lies between the person and the role."""
        ...

    async def suggestions(self, person: str, role: str) -> dict[str, Any]:
        """Return which evidence would help most for the role."""
        ...

    async def explanation(self, person: str, skill: str, without: Sequence[str]) -> dict[str, Any]:
        """Return why the level is what it is, and what it would be without these facts."""
        ...

    async def outcome(self, person: str, asked: TaskQuestion) -> dict[str, Any]:
        """Return how likely the next try is a success."""
        ...

    async def marks(self, person: str, asked: MarksQuestion) -> dict[str, Any]:
        """Return how any reviewer would mark the work."""
        ...


class Comparing:
    """The use case."""

    def __init__(self, profiles: Profiles, inference: Inference) -> None:
        self._profiles = profiles
        self._inference = inference

    async def own_gap(self, person: str, named: str, role: str) -> dict[str, Any]:
        """Return the person's own gap with what would help most. Raises Forbidden for another's."""
        own = (await self._profiles.own(person, named)).profile.person
        helpful = await self._inference.suggestions(own, role)
        return await self._inference.gap(own, role) | {"grant": None, "suggestions": helpful["suggestions"]}

    async def gap(self, reader: Reader, person: str, role: str) -> dict[str, Any]:
        """Return a person's gap to a reader with their consent. Raises as `Profiles.read` does."""
        reading = await self._profiles.read(reader, person)
        return await self._inference.gap(reading.profile.person, role) | {"grant": reading.grant}

    async def own_explanation(self, person: str, named: str, skill: str, without: Sequence[str]) -> dict[str, Any]:
        """Return why the person's own level is what it is. Raises Forbidden for another's."""
        own = (await self._profiles.own(person, named)).profile.person
        return await self._inference.explanation(own, skill, without)

    async def own_outcome(self, person: str, named: str, asked: TaskQuestion) -> dict[str, Any]:
        """Return how likely the person's own next try is a success. Raises Forbidden for another's."""
        own = (await self._profiles.own(person, named)).profile.person
        return await self._inference.outcome(own, asked)

    async def own_marks(self, person: str, named: str, asked: MarksQuestion) -> dict[str, Any]:
        """Return how any reviewer would mark the person's own work. Raises Forbidden for another's."""
        own = (await self._profiles.own(person, named)).profile.person
        return await self._inference.marks(own, asked)

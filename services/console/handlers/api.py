"""The port to the public APIs: the visitor's own credential opens what it opens, and nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from shared.kernel.errors import DeedlogError, Unavailable

Json = Mapping[str, Any]


class PublicApi(Protocol):
    """Reads from the one origin."""

    async def get(self, path: str, credential: str | None) -> Json:
        """Return what is answered there. Raises the kernel error that the answer names, Unavailable when none comes."""
        ...

    async def published(self, path: str) -> Json | None:
        """Return what everybody may read there and never changes; None while it does not answer."""
        ...


async def together(*answers: Any) -> list[Any]:
    """Return the answers, asked for at once. Raises the first error in their order."""
    found = await asyncio.gather(*answers, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return found


async def unless_away(answer: Any) -> Json | None:
    """Return the answer, or None when its service is away: the rest of a page is worth showing without it."""
    try:
        found: Json = await answer
    except Unavailable:
        return None
    return found


async def unless_refused(answer: Any) -> Json | None:
    """Return the answer, or None when it is refused or its service is away."""
    try:
        found: Json = await answer
    except DeedlogError:
        return None
    return found

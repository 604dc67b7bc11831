"""Signing in: whose a secret is shows by what it opens."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from services.console.handlers.api import PublicApi
from shared.kernel.errors import Forbidden, Rejected, Unavailable

SECRET_CHARACTERS_MAX: Final = 200
OWN_PROFILE: Final = "/v1/people/self/profile"


class SignIn:
    """The use case."""

    def __init__(self, api: PublicApi) -> None:
        self._api = api

    async def first_page(self, secret: str) -> str:
        """Return the path of the page this secret is for: a person's profile, the operator's, else the first page.

        Raises Rejected for what cannot be a secret, Unauthenticated for nobody's, Unavailable.
        """
        check_secret(secret)
        try:
            return f"/people/{quote((await self._api.get(OWN_PROFILE, secret))['person'], safe='')}"
        except (Forbidden, Unavailable):
            return await self._not_a_person(secret)

    async def _not_a_person(self, secret: str) -> str:
        try:
            await self._api.get("/v1/services", secret)
        except Forbidden:
            return "/"
        return "/operator"


def check_secret(secret: str) -> None:
    """Raise Rejected for what cannot be a secret and must not stand in a header."""
    is_plain = secret.isascii() and secret.isprintable() and not set(secret) & set(' ",;\\')
    if not (0 < len(secret) <= SECRET_CHARACTERS_MAX and is_plain):
        raise Rejected.of("secret", "this is no secret of ours", "Copy it whole, without spaces.")

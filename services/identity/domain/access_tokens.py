"""Access tokens: a key for an hour, perhaps with fewer scopes, got by the client credentials grant (RFC 6749 §4.4).

A token speaks for its key and never longer than it: whether the key lives is asked anew each time the token is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.identity.domain.api_keys import ApiKey
from services.identity.domain.credentials import Caller, check_lifetime, nobody
from shared.kernel.errors import Rejected, Unavailable

LIFETIME: Final = timedelta(hours=1)
"""How long a token lives, and at most its key's rest: what leaks is worthless soon."""
KEPT: Final = timedelta(hours=24)
"""How long after its end a token is still known, so that who shows it is told that it expired."""
LIVE_MAX: Final = 500
"""Live tokens a key; one a process of the sender would do."""
MINUTE: Final = timedelta(minutes=1)
ISSUED_A_MINUTE_MAX: Final = 60
"""Tokens a key gets within any minute; a sender that asks for one a request is told so here."""

_ANOTHER: Final = "Get another one at /oauth/token, with the id and the secret of its key."
_ANOTHER_KEY: Final = "Make a new key, and get tokens with that one."

Expand = Callable[[Iterable[str]], frozenset[str]]
"""Returns the scopes that words stand for; raises Rejected for a word that is none."""


class TokenRefused(Rejected):
    """A request for a token that breaks a rule. error: the word that RFC 6749 §5.2 has for it."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class TooManyTokens(Unavailable):
    """The key has as many tokens as it may; `retry_after_seconds` says when there is room again."""

    code = "too-many-tokens"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token without its secret. scopes: words as a key has them."""

    key: ApiKey
    scopes: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime

    def caller(self, key_id: str, at: datetime) -> Caller:
        """Return whom it speaks for: its key. key_id: as sent by Basic, empty otherwise. Raises Unauthenticated."""
        if key_id not in {"", self.key.id}:
            raise nobody()
        check_lifetime("access token's key", self.key.expires_at, self.key.revoked_at, at, _ANOTHER_KEY)
        check_lifetime("access token", self.expires_at, None, at, _ANOTHER)
        is_test = self.key.is_test
        return Caller("key", self.key.id, organisation=self.key.organisation, scopes=self.scopes, is_test=is_test)


@dataclass(frozen=True, slots=True)
class Holding:
    """The live tokens of a key. first_expiry, first_recent: the earliest end, and issue within the last minute."""

    live_count: int
    first_expiry: datetime | None
    recent_count: int
    first_recent: datetime | None


def access_token(key: ApiKey, wanted: str | None, at: datetime, expand: Expand) -> AccessToken:
    """Return a token of this key as of now. wanted: the parameter `scope` of the request. Raises TokenRefused."""
    return AccessToken(key, narrowed(key.scopes, wanted, expand), at, min(at + LIFETIME, key.expires_at))


def narrowed(granted: tuple[str, ...], wanted: str | None, expand: Expand) -> tuple[str, ...]:
    """Return the words a token gets, sorted and each once: all of the key's unless fewer are wanted (RFC 6749 §3.3).

    Raises TokenRefused for a word that is no scope, and for one that the key was not granted.
    """
    if wanted is None:
        return granted
    words = tuple(sorted(set(wanted.split(" "))))
    try:
        scopes = expand(words)
    except Rejected:
        raise TokenRefused("invalid_scope", "scope: a word in it is no scope. Put one blank between words.") from None
    if not scopes <= expand(granted):
        has = " ".join(sorted(expand(granted)))
        raise TokenRefused("invalid_scope", f"scope: the key was not granted all of it. It has {has}.")
    return words


def check_room(held: Holding, at: datetime) -> None:
    """Raise TooManyTokens when a key that holds these gets no further one now."""
    if held.recent_count >= ISSUED_A_MINUTE_MAX and held.first_recent is not None:
        seconds = (held.first_recent + MINUTE - at).total_seconds()
        rule = f"the key got {held.recent_count} tokens within a minute and may get {ISSUED_A_MINUTE_MAX}"
        raise TooManyTokens(f"{rule}. Use a token until shortly before it expires.", seconds)
    if held.live_count >= LIVE_MAX and held.first_expiry is not None:
        seconds = (held.first_expiry - at).total_seconds()
        rule = f"the key holds {held.live_count} tokens and may hold {LIVE_MAX}"
        raise TooManyTokens(f"{rule}. Use a token until shortly before it expires.", seconds)

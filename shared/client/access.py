"""By what a client gets in: a key, or access tokens that it fetches with one and renews in time.

Pure: no socket, no clock of its own. A client asks `needed` for the request to send first, tells `told` what came of
it, and puts `headers` on what it delivers; a reply that says the token is no longer good is told to `is_outdated`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode

from .backoff import retry_after_seconds
from .exchange import PROBLEM_LENGTH_MAX, Answer, Request

MARGIN_SECONDS_MAX: Final = 60.0
"""How long before its end a token is renewed, or a quarter of its life where that is less."""
UNSAID_SECONDS: Final = 300.0
"""How long a token is used whose server does not say how long it lives."""
_UNAUTHORIZED: Final = 401


class NoToken(Exception):
    """There is no access token, for this reason. after_seconds: how long the server asks to be left alone."""

    def __init__(self, problem: str, after_seconds: float | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.after_seconds = after_seconds


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The id and the secret of a key, to fetch access tokens with (OAuth 2.0 client credentials, RFC 6749 §4.4).

    token_url: None for that of the server events go to. scope: the words to ask for; None for all that the key has.
    """

    client_id: str
    client_secret: str = field(repr=False)
    token_url: str | None = None
    scope: str | None = None


class Access(Protocol):
    """By what a client gets in."""

    def needed(self) -> Request | None:
        """Return the request whose answer is needed before anything can be delivered; None where nothing is."""
        ...

    def told(self, answer: Answer) -> None:
        """Note the answer to what was needed. Raises NoToken."""
        ...

    def headers(self) -> dict[str, str]:
        """Return what a delivery carries."""
        ...

    def is_outdated(self, answer: Answer) -> bool:
        """Say whether the delivery is to be sent once more, with something new; True once for what was used before."""
        ...


class KeyAccess:
    """A key's secret, sent with each delivery. Raises ValueError for what cannot be one."""

    def __init__(self, key: str) -> None:
        if not _is_token(key):
            raise ValueError("the key is the secret of an API key: printable ASCII without blanks")
        self._headers = {"authorization": f"Bearer {key}"}

    def needed(self) -> None:
        """Return None: the key is there."""

    def told(self, answer: Answer) -> None:
        """Note nothing: nothing was asked."""

    def headers(self) -> dict[str, str]:
        """Return the key as a bearer (RFC 6750 §2.1)."""
        return self._headers

    def is_outdated(self, answer: Answer) -> bool:
        """Say no: there is no other key."""
        return False


class TokenAccess:
    """Access tokens, one at a time. token_url: where they are fetched. Raises ValueError for unusable credentials."""

    def __init__(self, credentials: ClientCredentials, token_url: str, monotonic: Callable[[], float]) -> None:
        if not (_is_token(credentials.client_id) and _is_token(credentials.client_secret)):
            raise ValueError("client_id and client_secret are id and secret of an API key: printable ASCII, no blanks")
        self._request = _request(credentials, token_url)
        self._monotonic = monotonic
        self._token = ""
        self._asked_at = 0.0
        self._renew_at = 0.0
        self._is_new = False

    def needed(self) -> Request | None:
        """Return the request for a token, where there is none or its end is near."""
        if self._token and self._monotonic() < self._renew_at:
            return None
        self._asked_at = self._monotonic()
        return self._request

    def told(self, answer: Answer) -> None:
        """Note the token, whose life is counted from when it was asked for. Raises NoToken."""
        self._token = ""
        body = _json(answer.content)
        if answer.status != 200:
            raise NoToken(_problem(answer, body), retry_after_seconds(answer.headers))
        token, kind, seconds = body.get("access_token"), body.get("token_type"), body.get("expires_in")
        if not isinstance(token, str) or not _is_token(token) or str(kind).lower() != "bearer":
            raise NoToken("no access token: what answers at the token's address gives no bearer token")
        lives = float(seconds) if isinstance(seconds, int) and 0 < seconds < 10**9 else UNSAID_SECONDS
        self._token = token
        self._renew_at = self._asked_at + lives - min(MARGIN_SECONDS_MAX, lives / 4)
        self._is_new = True

    def headers(self) -> dict[str, str]:
        """Return the token as a bearer (RFC 6750 §2.1)."""
        return {"authorization": f"Bearer {self._token}"}

    def is_outdated(self, answer: Answer) -> bool:
        """Say whether a token that was good before is refused now; a new one is then needed.

        A token that was never good is not replaced: the next would not be either, and the way to the server is waited.
        """
        was_new, self._is_new = self._is_new, False
        if answer.status != _UNAUTHORIZED:
            return False
        self._token = ""
        return not was_new


def _request(credentials: ClientCredentials, token_url: str) -> Request:
    form = {"grant_type": "client_credentials"}
    if credentials.scope is not None:
        form["scope"] = credentials.scope
    # RFC 6749 §2.3.1: id and secret are percent-encoded before Basic encodes them.
    pair = f"{quote_plus(credentials.client_id)}:{quote_plus(credentials.client_secret)}"
    headers = {
        "accept": "application/json",
        "authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
        "content-type": "application/x-www-form-urlencoded",
    }
    return Request(token_url, headers, urlencode(form).encode())


def _problem(answer: Answer, body: dict[str, Any]) -> str:
    """Return why there is no token, in the words of the server (RFC 6749 §5.2)."""
    error = str(body.get("error") or "it gives no reason")
    described = str(body.get("error_description") or body.get("detail") or "")
    told = f"no access token: the server answers {answer.status}: {error}{': ' if described else ''}{described}"
    hint = " (look at client_id and client_secret)" if error == "invalid_client" else ""
    if answer.status in {404, 405} or 300 <= answer.status < 400:
        hint = " (look at token_url)"
    return told[:PROBLEM_LENGTH_MAX] + hint


def _is_token(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

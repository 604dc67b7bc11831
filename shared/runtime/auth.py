"""Who is calling, and what they may do: the one vocabulary of all doors.

A door hands the secret it was sent to an `Authenticator` and gets a `Principal` or an error; it never sees keys. The
secret itself is kept nowhere: caches know its hash. Asking identity over gRPC lives in `rpc_authenticator.py`, since
only there generated code is needed.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias, get_args

from shared.kernel.errors import Forbidden, Rejected, Unauthenticated
from shared.kernel.ids import OrganisationId, PersonId

Kind: TypeAlias = Literal["key", "person", "admin", "service"]
"""What calls: an organisation's API key, a signed-in person, an operator, one of our own services."""
KINDS: Final[frozenset[Kind]] = frozenset(get_args(Kind))

SCOPES: Final = frozenset({"write", "read/mine", "read", "state", "profile", "admin", "review"})
ALL: Final = frozenset({"write", "read", "state", "profile"})
"""What the word `all` stands for in a key's scopes, after xAPI; administering and reviewing are always named."""
HEADER_CHARACTERS_MAX: Final = 4096
"""A longer Authorization header is no secret of ours; bounds the decoding and hashing of rubbish."""
_MEND: Final = "Send Authorization: Bearer <key>, or Basic with the key's id and the key."


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. organisation: of a key; person: of a session; a test key sees test data only."""

    kind: Kind
    id: str
    organisation: OrganisationId | None = None
    person: PersonId | None = None
    scopes: frozenset[str] = frozenset()
    is_test: bool = False

    def has_any(self, scopes: frozenset[str]) -> bool:
        """Say whether one of `scopes` was granted; of an empty set, always."""
        return not scopes or not scopes.isdisjoint(self.scopes)


class InsufficientScope(Forbidden):
    """The caller lacks a scope. scopes: those of which one was needed."""

    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use an operation: one of the kinds, with at least one of the scopes; no scopes ask for none."""

    kinds: frozenset[Kind] = KINDS
    scopes: frozenset[str] = frozenset()

    def check(self, principal: Principal) -> None:
        """Raise Forbidden, naming what is needed, unless the principal may."""
        if principal.kind not in self.kinds:
            rule = f"this is for {_listed(self.kinds)}, and the caller is of the kind {principal.kind}"
            raise Forbidden.of("authorization", rule, "Use a credential of that kind.")
        if not principal.has_any(self.scopes):
            rule = f"it needs the scope {_listed(self.scopes)}, and the credential has {_listed(principal.scopes)}"
            mend = "Ask the organisation's administrator for a key that has it."
            lacking = InsufficientScope.of("authorization", rule, mend)
            lacking.scopes = self.scopes
            raise lacking


class Barred(Protocol):
    """Is told of a caller who was turned away at the door, before the operation saw anything."""

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], principal: Principal | None, error: Rejected
    ) -> None:
        """Note it and return at once: the caller waits for the answer.

        method: of HTTP, or `gRPC`; path: a template, or the method in full; headers: by lower-case name, the credential
        among them. principal: None where the credential is nobody's, else who lacks a kind or scope.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """What stood in an Authorization header. key_id: the user name of Basic; empty for Bearer. Not printable."""

    text: str
    key_id: str = ""

    def __repr__(self) -> str:
        return "Secret(…)"


class Authenticator(Protocol):
    """Knows whose a secret is."""

    async def authenticate(self, secret: str, key_id: str) -> Principal:
        """Return whose secret this is; key_id is empty when the caller did not send one.

        Raises Unauthenticated when it is nobody's, Unavailable when that cannot be known now.
        """
        ...


class ServiceTokenAuthenticator:
    """Knows our own services by the token they share; everybody else is asked of `inner`, if there is one."""

    def __init__(self, token: str, inner: Authenticator | None = None) -> None:
        if len(token) < 32:
            raise ValueError(f"a service token has 32 characters or more, got {len(token)}")
        self._token = token.encode()
        self._inner = inner

    async def authenticate(self, secret: str, key_id: str) -> Principal:
        """Return the service, or whom `inner` knows. The comparison takes the same time for every wrong token."""
        if hmac.compare_digest(secret.encode(), self._token):
            return SERVICE
        if self._inner is None:
            raise nobody()
        return await self._inner.authenticate(secret, key_id)


SERVICE: Final = Principal(kind="service", id="service", scopes=SCOPES)


def nobody() -> Unauthenticated:
    """Return the error for a secret that nobody issued; it says nothing about which part was wrong."""
    return Unauthenticated.of("authorization", "nobody issued this credential, or it has expired", _MEND)


def expand_scopes(granted: Iterable[str]) -> frozenset[str]:
    """Return the scopes these words stand for: `all` is several, and whoever may read may read what is theirs.

    Raises Rejected for a word that is no scope.
    """
    words = frozenset(granted)
    unknown = words - SCOPES - {"all"}
    if unknown:
        raise Rejected.of("scopes", f"{_listed(unknown)} is no scope", f"Use {_listed(SCOPES | {'all'})}.")
    if "all" in words:
        words = words - {"all"} | ALL
    return words | {"read/mine"} if "read" in words else words


def parse_authorization(header: str | None) -> Secret:
    """Return the secret of a Bearer or Basic header (RFC 6750 §2.1, RFC 7617 §2). Raises Unauthenticated otherwise."""
    if not header:
        raise _fault("there is no Authorization header")
    if len(header) > HEADER_CHARACTERS_MAX:
        raise _fault(f"the header has {len(header)} characters where at most {HEADER_CHARACTERS_MAX} are read")
    scheme, _, value = header.partition(" ")
    value = value.strip(" ")
    if scheme.lower() == "bearer":
        if not value.isascii() or not value.isprintable() or not value or " " in value:
            raise _fault("the bearer token is empty or holds characters no token has")
        return Secret(value)
    if scheme.lower() == "basic":
        return _basic(value)
    raise _fault("the scheme is neither Bearer nor Basic")


def _basic(value: str) -> Secret:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        raise _fault("what follows Basic is not base64 of UTF-8") from None
    key_id, colon, secret = text.partition(":")
    if not colon or not key_id or not secret:
        raise _fault("Basic needs a key id, a colon and the key")
    return Secret(secret, key_id)


def _fault(rule: str) -> Unauthenticated:
    return Unauthenticated.of("authorization", rule, _MEND)


def _listed(words: Iterable[str]) -> str:
    return " or ".join(sorted(words)) or "none"

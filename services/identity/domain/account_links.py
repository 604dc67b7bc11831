"""A link between two people: proposed by one side, proven by the other, and undone by either.

    open ──right code──▶ linked ──undone──▶ ended
      └──five wrong codes, or taken back──▶ closed          past its time an open link is void

The proposer is signed in; that is one proof. The other is the code, brought by somebody who is signed in as the other
person, or by a platform that vouches for the one who typed it in there. A platform vouches only for people who came to
us through its accounts alone: of anybody else it would give away what other platforms wrote about them.

A platform may also declare that accounts of its own are one person's (`personas.py`). Such a link is there at once,
with the platform's word as its only proof; when one of its people has undone it, it cannot be declared again.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from services.identity.domain.accounts import LinkedAccount
from services.identity.domain.aliases import Member
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Conflict, Forbidden, NotFound, Rejected
from shared.kernel.hashing import tagged
from shared.kernel.ids import OrganisationId, PersonId

LIFETIME: Final = timedelta(minutes=15)
TRIES_MAX: Final = 5
"""Wrong codes after which a link is closed."""
OPEN_MAX: Final = 5
"""Links a person may have open at once."""
CODE_BYTES: Final = 10
"""80 random bits: what a stolen database gives away cannot be tried through in fifteen minutes."""
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS: Final = str.maketrans("OIL", "011", "- ")

State: TypeAlias = Literal["open", "linked", "closed", "ended"]
Proof: TypeAlias = Literal["session", "attestation", "declaration"]
PROOF_WORDS: Final[dict[Proof, str]] = {
    "session": "proven by both sides",
    "attestation": "proven by the person, attested by the platform",
    "declaration": "declared by the platform",
}
"""How the proof of a link is called wherever it is shown."""
NO_CODE: Final = bytes(32)
"""The digest of a link that never took a code: no code has it."""


class LinkNotOpen(Conflict):
    """The link takes no code any more."""

    code = "link-not-open"


class WrongCode(Rejected):
    """The code is not that of the link."""

    code = "wrong-code"


class TooManyLinks(Conflict):
    """The person has as many open links as one may."""

    code = "too-many-links"


@dataclass(frozen=True, slots=True)
class Claim:
    """The other side of a link: who it is, and on what ground.

    organisation: who attests or declares; None for a session. persona: as part of which it declares.
    """

    person: PersonId
    organisation: OrganisationId | None = None
    persona: str | None = None

    @property
    def proof(self) -> Proof:
        """What kind of proof it is."""
        if self.organisation is None:
            return "session"
        return "attestation" if self.persona is None else "declaration"


@dataclass(frozen=True, slots=True)
class AccountLink:
    """A link, from its proposal to its end. claim and settled_at: set once it was linked, and kept when it ended.

    is_refused: it was declared, and one of its people undid it.
    """

    id: str
    proposer: PersonId
    code_digest: bytes
    opened_at: datetime
    expires_at: datetime
    state: State = "open"
    wrong_tries: int = 0
    claim: Claim | None = None
    settled_at: datetime | None = None
    is_refused: bool = False

    @property
    def is_declared(self) -> bool:
        """Whether a platform's word is all that it stands on."""
        return self.claim is not None and self.claim.proof == "declaration"

    def is_open(self, at: datetime) -> bool:
        """Say whether it still takes a code."""
        return self.state == "open" and at < self.expires_at

    def tried(self, code: str, at: datetime) -> AccountLink:
        """Return the link after somebody brought this code: unchanged when it is right, else with one try less.

        Raises LinkNotOpen, saying why.
        """
        if not self.is_open(at):
            raise self._not_open()
        if hmac.compare_digest(code_digest(self.id, code), self.code_digest):
            return self
        wrong_tries = self.wrong_tries + 1
        return replace(self, wrong_tries=wrong_tries, state="closed" if wrong_tries >= TRIES_MAX else "open")

    def linked(self, claim: Claim, at: datetime) -> AccountLink:
        """Return the link as proven from both sides. The code was tried before and is used up."""
        return replace(self, state="linked", claim=claim, settled_at=at)

    def undone(self) -> AccountLink:
        """Return the link as taken back or ended; one that was over stays as it was."""
        ends: dict[State, State] = {"open": "closed", "linked": "ended"}
        return replace(self, state=ends.get(self.state, self.state))

    def refused(self) -> AccountLink:
        """Return the link as undone by one of its people: what was declared is not declared again."""
        return replace(self.undone(), is_refused=self.is_refused or (self.is_declared and self.state == "linked"))

    def wrong_code(self) -> WrongCode:
        """Return the refusal of the code that led to this state."""
        left = TRIES_MAX - self.wrong_tries
        mend = f"Try again; {left} more may be wrong." if left else "The link is closed; propose a new one."
        return WrongCode.of("/code", "it is not the code of this link", mend)

    def _not_open(self) -> LinkNotOpen:
        reasons: dict[State, str] = {
            "open": f"it expired at {rfc3339(self.expires_at)}",
            "linked": "its code was used",
            "closed": "it was taken back, or five wrong codes closed it",
            "ended": "it was linked and undone",
        }
        return LinkNotOpen.of("", reasons[self.state], "Propose a new link.")


def propose_link(link: str, proposer: PersonId, random_bytes: bytes, at: datetime) -> tuple[AccountLink, str]:
    """Return an open link and its code, made of 10 random bytes. Raises ValueError for another number of them."""
    if len(random_bytes) != CODE_BYTES:
        raise ValueError(f"a code has {CODE_BYTES} random bytes, got {len(random_bytes)}")
    number = int.from_bytes(random_bytes, "big")
    characters = "".join(_ALPHABET[number >> shift & 31] for shift in range(75, -1, -5))
    code = "-".join(characters[start : start + 4] for start in range(0, 16, 4))
    return AccountLink(link, proposer, code_digest(link, code), at, at + LIFETIME), code


def code_digest(link: str, code: str) -> bytes:
    """Return the 32 bytes a code is kept as. Case, hyphens, spaces and look-alikes make no difference."""
    return tagged("account-link-code", link.encode(), code.upper().translate(_READ_AS).encode())


def check_open_count(open_count: int) -> None:
    """Raise TooManyLinks when a person with so many open links may propose no further one."""
    if open_count >= OPEN_MAX:
        rule = f"{open_count} links are open, and at most {OPEN_MAX} may be"
        raise TooManyLinks.of("", rule, "Take one back, or wait a quarter of an hour.")


def declared_link(
    link: str, people: tuple[PersonId, PersonId], organisation: OrganisationId, persona: str, at: datetime
) -> AccountLink:
    """Return the link of two people whom a platform declares to be one; it is linked at once."""
    one, other = people
    claim = Claim(other, organisation, persona)
    return AccountLink(link, one, NO_CODE, at, at, "linked", claim=claim, settled_at=at)


def check_attestation(
    side: Iterable[Member],
    accounts: Iterable[LinkedAccount],
    organisation: OrganisationId,
    pointer: str = "/identifier",
) -> None:
    """Raise Forbidden unless all of `side` came to us through accounts of this organisation alone."""
    union = {member.id: member.origin for member in side}
    theirs = [account for account in accounts if account.person in union]
    is_alone = all(origin == "account" for origin in union.values())
    if not is_alone or any(account.organisation != organisation for account in theirs):
        rule = "this person is known by more than your accounts, so your word is not enough"
        raise Forbidden.of(pointer, rule, "Have them sign in as themselves and confirm the link.")


def no_such_link() -> NotFound:
    """Return the error for a link that does not exist, or is not the caller's to touch."""
    return NotFound("There is no such link, or it is not yours.")

"""Accounts at platforms: the text that names one, and the person who is minted when one is first seen.

An account is unique per (organisation, identifier). Two organisations that name the same identifier have two accounts
and two people until the person proves to be both: otherwise whoever writes another platform's identifiers into
statements would write into, and then read from, the records of that platform's people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.identity.domain.facts import Occasion
from shared.events.fact import NewFact
from shared.events.identity import AccountLinked, PersonalName, PersonRegistered
from shared.kernel import canonical_json
from shared.kernel.errors import Fault, Rejected, TooLarge
from shared.kernel.ids import AccountId, OrganisationId, PersonId

IDENTIFIERS_MAX: Final = 1_000
"""Identifiers in one question."""
IDENTIFIER_BYTES_MAX: Final = 1_500
"""UTF-8 bytes of an identifier; a B-tree entry of Postgres ends at about 2,700."""
TOLD_BYTES_MAX: Final = 1_500
"""A fact carries 2 KB: an identifier whose JSON is longer than this stays here and is not told."""
_SHAPE: Final = re.compile(r"[a-z][a-z0-9_+.-]*:[^\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Account:
    """An account and whose it is. person: as minted, for ever; canonical: as known at present."""

    identifier: str
    id: AccountId
    person: PersonId
    canonical: PersonId


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """An account as its person sees it. person: for whom it was minted."""

    id: AccountId
    organisation: OrganisationId
    identifier: str
    person: PersonId
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class Newcomer:
    """An account seen for the first time, the person minted for it, and the facts that say so."""

    identifier: str
    account: AccountId
    person: PersonId
    facts: tuple[NewFact, ...]


def check_identifiers(identifiers: Sequence[str]) -> None:
    """Raise TooLarge for too many, or Rejected with a fault for each that is no canonical identifier."""
    if len(identifiers) > IDENTIFIERS_MAX:
        rule = f"expected at most {IDENTIFIERS_MAX} identifiers, got {len(identifiers)}"
        raise TooLarge.of("/identifiers", rule, "Ask in several calls.")
    faults = tuple(_faults(identifiers))
    if faults:
        raise Rejected(f"{faults[0].pointer}: {faults[0].rule}. {faults[0].mend}", faults)


def newcomer(
    organisation: OrganisationId, identifier: str, account: AccountId, person: PersonId, occasion: Occasion
) -> Newcomer:
    """Return the person minted for an account that nobody has seen before.

    The account's identifier is personal data, told with the organisation; that somebody exists is told without one.
    """
    told = identifier if len(canonical_json.dumps(identifier)) <= TOLD_BYTES_MAX else None
    linked = AccountLinked(
        person=person,
        account=account,
        organisation=organisation,
        proof="first-seen",
        personal=PersonalName(identifier=told),
    )
    facts = (
        occasion.fact(PersonRegistered(person=person, origin="account"), person),
        occasion.fact(linked, person, organisation),
    )
    return Newcomer(identifier, account, person, facts)


def _faults(identifiers: Sequence[str]) -> Iterable[Fault]:
    for index, identifier in enumerate(identifiers):
        if len(identifier.encode()) > IDENTIFIER_BYTES_MAX:
            rule = f"it is longer than {IDENTIFIER_BYTES_MAX} bytes"
            yield Fault(f"/identifiers/{index}", rule, "Name the account by a shorter id.")
        elif _SHAPE.fullmatch(identifier) is None:
            rule = "it is not a kind, a colon and a text without control characters"
            yield Fault(f"/identifiers/{index}", rule, "Write it such as account:https://lms.example|4711.")

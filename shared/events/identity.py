"""What `identity` tells: people, their accounts at platforms, merges and splits, consents, organisations."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from shared.events.event import Event, EventBody, event
from shared.events.sources import IDENTITY


class PersonalName(EventBody):
    """Personal data of a person; erased with the fact's data."""

    name: str | None = None
    identifier: str | None = None


@event(IDENTITY, "person-registered")
class PersonRegistered(Event):
    """A person exists. `origin` says what made us know them."""

    person: str
    origin: Literal["account", "admin"]
    personal: PersonalName | None = None


@event(IDENTITY, "account-linked")
class AccountLinked(Event):
    """An account at a platform belongs to this person. `proof` says on what ground."""

    person: str
    account: str
    organisation: str
    proof: Literal["first-seen", "both-sides", "split"]
    personal: PersonalName | None = None


@event(IDENTITY, "account-unlinked")
class AccountUnlinked(Event):
    """An account no longer belongs to this person."""

    person: str
    account: str


@event(IDENTITY, "person-merged")
class PersonMerged(Event):
    """`alias` and `canonical` are one person from now on; told in both streams. Facts are never re-keyed."""

    canonical: str
    alias: str


@event(IDENTITY, "person-split")
class PersonSplit(Event):
    """`alias` stands for itself again; told in both streams."""

    canonical: str
    alias: str


@event(IDENTITY, "consent-granted")
class ConsentGranted(Event):
    """The person lets `organisation` read what `scopes` say, for `purpose`, until `expires_at`."""

    grant: str
    organisation: str
    purpose: str
    scopes: tuple[str, ...]
    expires_at: datetime
    request: str | None = None


@event(IDENTITY, "consent-withdrawn")
class ConsentWithdrawn(Event):
    """The grant no longer holds."""

    grant: str
    organisation: str


@event(IDENTITY, "organisation-registered")
class OrganisationRegistered(Event):
    """An organisation exists; its stream is its own, never a person's."""

    organisation: str
    name: str

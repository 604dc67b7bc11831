"""People: an id, perhaps a name, and how we came to know them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from services.identity.domain.facts import Occasion
from services.identity.domain.names import check_text
from shared.events.fact import NewFact
from shared.events.identity import PersonalName, PersonRegistered
from shared.kernel.errors import NotFound
from shared.kernel.ids import PersonId

LOOK_UP_MAX: Final = 1_000
"""People in one question."""
Origin: TypeAlias = Literal["account", "admin"]


@dataclass(frozen=True, slots=True)
class Person:
    """A person who was not erased. canonical: whom they are known as at present; aliases: who is known as them.

    name: their own, else that of the oldest who is one with them.
    """

    id: PersonId
    name: str | None
    origin: Origin
    registered_at: datetime
    canonical: PersonId
    aliases: tuple[PersonId, ...] = ()


def register_person(person: PersonId, name: str | None, occasion: Occasion) -> tuple[Person, list[NewFact]]:
    """Return a person whom an operator made known, and the fact that tells it. Raises Rejected for the name."""
    if name is not None:
        check_text(name, "/name")
    personal = None if name is None else PersonalName(name=name)
    told = PersonRegistered(person=person, origin="admin", personal=personal)
    return Person(person, name, "admin", occasion.at, person), [occasion.fact(told, person)]


def no_such_person() -> NotFound:
    """Return the error for a person who does not exist, was erased, or may not be known of by this caller."""
    return NotFound("There is no such person, or they are not yours to see.")

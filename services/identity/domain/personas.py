"""Personas: several accounts of one platform of which it says that they are one person's.

A platform that knows somebody by a mailbox here and by an account there says so once, and both records are read as one.
Its word is weaker than a person's own proof, so it goes less far:

* only accounts of its own, and only people of whom nothing but its own accounts is known;
* every link says that it was declared, wherever it is shown; the platform takes a persona back, and each of its people
  undoes a link of it;
* what one of them has undone is not declared again, with none of the others of that persona, and also when the platform
  has taken it back meanwhile: from then on only their own proof makes them one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.identity.domain.account_links import AccountLink, check_attestation, declared_link
from services.identity.domain.accounts import LinkedAccount
from services.identity.domain.aliases import UNION_PEOPLE_MAX, Aliases, AlreadyOne, Edge
from shared.kernel.errors import Conflict, NotFound, Rejected
from shared.kernel.ids import OrganisationId, PersonId

ACTORS_MIN: Final = 2
ACTORS_MAX: Final = UNION_PEOPLE_MAX


class OnlyDeclared(Conflict):
    """People who are one by a platform's word alone are not erased together unless that is asked for."""

    code = "only-declared"


class PersonaRefused(Conflict):
    """One of these people has undone what is declared."""

    code = "persona-refused"


@dataclass(frozen=True, slots=True)
class Persona:
    """A declaration. key: by which it was made. ended_by: the key that took it back, or `person`."""

    id: str
    organisation: OrganisationId
    key: str
    declared_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


def check_actors(identifiers: Sequence[str]) -> None:
    """Raise Rejected unless these are two to sixteen different identifiers."""
    if not ACTORS_MIN <= len(identifiers) <= ACTORS_MAX:
        rule = f"expected {ACTORS_MIN} to {ACTORS_MAX} identifiers, got {len(identifiers)}"
        raise Rejected.of("/identifiers", rule, "Name all accounts of one person.")
    for index, identifier in enumerate(identifiers):
        if identifier in identifiers[:index]:
            raise Rejected.of(f"/identifiers/{index}", "it stands there twice", "Name each account once.")


def declared(
    persona: Persona,
    people: Sequence[PersonId],
    aliases: Aliases,
    accounts: Iterable[LinkedAccount],
    refused: Iterable[AccountLink],
    new_link: Iterable[str],
) -> tuple[list[AccountLink], Aliases]:
    """Return the links that make these people one, and who is one with whom then.

    people: of the accounts, in their order. accounts: all that these people have. refused: all links, ended ones too,
    of the personas of which one of these people undid a link. Raises Forbidden, PersonaRefused, UnionTooLarge, or
    AlreadyOne where there is nothing to link.
    """
    known, undone = list(accounts), _refused_pairs(list(refused))
    for index, person in enumerate(people):
        check_attestation(aliases.union(person), known, persona.organisation, f"/identifiers/{index}")
    links: list[AccountLink] = []
    after = aliases
    for index, person in enumerate(people):
        if after.canonical(person) == after.canonical(people[0]):
            continue
        _check_not_refused(after, people[0], person, undone, f"/identifiers/{index}")
        link = declared_link(
            next(iter(new_link)), (people[0], person), persona.organisation, persona.id, persona.declared_at
        )
        after = after.merged(Edge(link.id, people[0], person))
        links.append(link)
    if not links:
        raise AlreadyOne.of("/identifiers", "all of them are one person already", "There is nothing to declare.")
    return links, after


def check_erasable(declared: Sequence[AccountLink], *, is_including_declared: bool) -> None:
    """Raise OnlyDeclared for people whom a platform's word holds together, unless they are to be erased all the same.

    The word may be wrong, and what is erased does not come back.
    """
    if declared and not is_including_declared:
        rule = f"{len(declared)} links among these accounts are only declared by a platform"
        mend = "Unlink the accounts that are somebody else's, or send including_declared: true to erase all of them."
        raise OnlyDeclared.of("/person", rule, mend)


def proven_instead(aliases: Aliases, declared: Iterable[AccountLink], edge: Edge) -> tuple[AccountLink, Aliases] | None:
    """Return the declared link that the proof of `edge` replaces, and who is one with whom then: the same as before.

    None where no declared link stands between the two.
    """
    for link in declared:
        apart = aliases.split(link.id)
        if apart.union(edge.one) != apart.union(edge.other):
            return link, apart.merged(edge)
    return None


def no_such_persona() -> NotFound:
    """Return the error for a persona that does not exist, or is not the caller's."""
    return NotFound("There is no such persona, or it is another organisation's.")


def _refused_pairs(links: Sequence[AccountLink]) -> list[tuple[PersonId, PersonId]]:
    """Return who is not one with whom, by the word of one of them.

    All links of a persona begin at its first person: who undid one parted the other end of it from everybody else.
    """
    pairs: list[tuple[PersonId, PersonId]] = []
    for link in links:
        if link.claim is None or not link.is_refused:
            continue
        beside = [
            one.claim.person for one in links if one.claim is not None and one.claim.persona == link.claim.persona
        ]
        pairs += [(link.claim.person, one) for one in (link.proposer, *beside) if one != link.claim.person]
    return pairs


def _check_not_refused(
    aliases: Aliases, one: PersonId, other: PersonId, refused: Sequence[tuple[PersonId, PersonId]], pointer: str
) -> None:
    sides = [{member.id for member in aliases.union(person)} for person in (one, other)]
    for here, there in refused:
        if any(here in side and there in opposite for side, opposite in (sides, sides[::-1])):
            rule = "the person has undone this link"
            raise PersonaRefused.of(pointer, rule, "Only they can make it again, by their own proof.")

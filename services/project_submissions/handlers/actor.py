"""Who acts."""

from __future__ import annotations

from dataclasses import dataclass

from shared.kernel.ids import OrganisationId, PersonId


@dataclass(frozen=True, slots=True)
class Actor:
    """One of three: an organisation's key, a signed-in person, an operator. Whoever is none of them sees nothing."""

    organisation: OrganisationId | None = None
    person: PersonId | None = None
    is_operator: bool = False

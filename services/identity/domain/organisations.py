"""Organisations: platforms that write, and employers that read. Each is a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.facts import Occasion
from services.identity.domain.names import check_text
from shared.events.fact import NewFact
from shared.events.identity import OrganisationRegistered
from shared.kernel.ids import OrganisationId


@dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant."""

    id: OrganisationId
    name: str
    created_at: datetime


def register_organisation(
    organisation: OrganisationId, name: str, occasion: Occasion
) -> tuple[Organisation, list[NewFact]]:
    """Return the new organisation and the fact that tells it, in a stream of its own. Raises Rejected for the name."""
    registered = Organisation(organisation, check_text(name, "/name"), occasion.at)
    told = OrganisationRegistered(organisation=organisation, name=name)
    return registered, [occasion.fact(told, organisation, organisation)]

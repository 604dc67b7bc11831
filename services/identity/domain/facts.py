"""What every decision of this service is handed so that it can state facts: an instant and a source of fact ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.events.event import Event
from shared.events.fact import NewFact
from shared.kernel.ids import FactId, OrganisationId


@dataclass(frozen=True, slots=True)
class Occasion:
    """The moment of a decision, and where the ids of its facts come from."""

    at: datetime
    fact_id: Callable[[], FactId]

    def fact(self, event: Event, subject: str, organisation: OrganisationId | None = None) -> NewFact:
        """Return the fact that says `event` happened to `subject` on this occasion."""
        return event.fact(self.fact_id(), subject, self.at, organisation)

"""Sessions of signed-in people. A session speaks for the person as they are known now, also after a merge or split."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.identity.domain.credentials import Caller, check_lifetime, nobody
from shared.kernel.ids import PersonId

LIFETIME: Final = timedelta(hours=12)
"""A working day; then the person signs in again."""
LIVE_MAX: Final = 20
"""Sessions a person may have at once; when one more begins, the oldest ends."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session without its token. person: as signed in; canonical: as known at present."""

    id: str
    person: PersonId
    canonical: PersonId
    expires_at: datetime

    def caller(self, key_id: str, at: datetime) -> Caller:
        """Return whom it speaks for. key_id: as sent by Basic, empty otherwise. Raises Unauthenticated."""
        if key_id not in {"", self.id}:
            raise nobody()
        check_lifetime("session", self.expires_at, None, at)
        return Caller("person", self.id, person=self.canonical)

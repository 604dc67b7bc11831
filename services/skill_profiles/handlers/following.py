"""Following profiles: each change to a profile the organisation may read, and the end of each consent, in order.

Consent is asked for again at every delivery, and every delivery is a look like any other: logged and told first. No
queue stands between the log of changes and the follower: the next step is read when the last was taken, so a slow
follower skips states and never falls behind in memory.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from services.skill_profiles.domain.places import Due, ExpiryPlace, LogPlace, Place, Step
from services.skill_profiles.domain.profile import PROFILE_SCOPE, Profile
from services.skill_profiles.domain.requests import NoConsent
from services.skill_profiles.handlers.reading import Consents, Profiles, Reader, RecordClosed
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFound

SECONDS_MAX: Final = 600.0
"""After which a follower is let go, to come back with its cursor and a credential that is looked at anew."""
IDLE_SECONDS: Final = 1.0
"""How often, at least, consents that ended by time are looked for."""
EXPIRY_SLACK: Final = timedelta(seconds=1)
"""By how much identity's clock may be behind ours: sooner it might still call an ended consent valid."""
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a follower is told of one person. profile: as it is now; None when it may no longer be read."""

    place: Place
    person: str
    profile: Profile | None


class ChangeStore(Protocol):
    """The log of changes."""

    async def end(self) -> LogPlace:
        """Return the place after everything that has happened."""
        ...

    async def step(self, organisation: str, place: Place, now: datetime) -> Step:
        """Return what is due to the organisation after `place`."""
        ...


class Wake(Protocol):
    """Says when the log of changes has moved."""

    def mark(self) -> int:
        """Return where the log stands; taken before it is read."""
        ...

    async def wait(self, mark: int, seconds: float) -> None:
        """Return once the log has moved since `mark`, or after so many seconds."""
        ...


class Following:
    """The use case."""

    def __init__(self, changes: ChangeStore, profiles: Profiles, consents: Consents, wake: Wake, clock: Clock) -> None:
        self._changes = changes
        self._profiles = profiles
        self._consents = consents
        self._wake = wake
        self._clock = clock

    async def beginning(self) -> Place:
        """Return the place of a fresh follower: everything that may be read now is due, then what happens from now."""
        log = await self._changes.end()
        at_us = (self._clock.now() - EXPIRY_SLACK - _EPOCH_START) // timedelta(microseconds=1)
        return Place(log, ExpiryPlace(at_us), opening="")

    async def follow(self, reader: Reader, place: Place) -> AsyncGenerator[Delivery, None]:
        """Yield deliveries after `place` for up to SECONDS_MAX. What was yielded was logged; what was not, is not lost.

        Raises Unavailable when identity or the database does not answer; the last place yielded resumes.
        """
        ends_at = self._clock.monotonic() + SECONDS_MAX
        while self._clock.monotonic() < ends_at:
            mark = self._wake.mark()
            step = await self._changes.step(reader.organisation, place, self._clock.now() - EXPIRY_SLACK)
            for due in step.due:
                delivery = await self._deliver(reader, due)
                if delivery is not None:
                    yield delivery
            place = step.place
            if not step.has_more:
                await self._wake.wait(mark, IDLE_SECONDS)

    async def _deliver(self, reader: Reader, due: Due) -> Delivery | None:
        """Return what the reader is told of this person now, if anything."""
        closed = Delivery(due.place, due.person, None)
        try:
            if due.reason != "profile" and await self._is_alias(due.person, reader):
                return closed if due.may_close else None
            reading = await self._profiles.read(reader, due.person, "follow")
        except (NoConsent, NotFound):
            return closed if due.may_close else None
        except RecordClosed:
            return closed
        return Delivery(due.place, reading.profile.person, reading.profile)

    async def _is_alias(self, person: str, reader: Reader) -> bool:
        """Say whether the person is part of another now: what was followed under their id is no profile of its own."""
        checked = await self._consents.check(person, reader.organisation, PROFILE_SCOPE)
        return checked.person != person

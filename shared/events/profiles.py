"""What `skill_profiles` tells: requests for a profile, and every look at one."""

from __future__ import annotations

from shared.events.event import Event, event
from shared.events.sources import SKILL_PROFILES


@event(SKILL_PROFILES, "verification-requested")
class VerificationRequested(Event):
    """An organisation asks to read the person's profile for a purpose."""

    request: str
    organisation: str
    purpose: str


@event(SKILL_PROFILES, "verification-declined")
class VerificationDeclined(Event):
    """The person said no."""

    request: str
    organisation: str


@event(SKILL_PROFILES, "profile-read")
class ProfileRead(Event):
    """An organisation read the profile under a grant."""

    access: str
    organisation: str
    grant: str
    purpose: str
    by: str

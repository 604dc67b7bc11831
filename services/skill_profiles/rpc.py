"""The gRPC door: one profile, and the stream of changes to all that may be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from deedlog.skill_profiles.v1 import service_pb2_grpc, skill_profiles_pb2
from services.skill_profiles.domain.places import ExpiryPlace, LogPlace, Place
from services.skill_profiles.domain.profile import Profile
from services.skill_profiles.handlers.following import Delivery, Following
from services.skill_profiles.handlers.reading import Profiles
from services.skill_profiles.http.callers import reader_of
from shared.kernel.errors import Rejected, Unavailable
from shared.runtime import telemetry
from shared.runtime.auth import Access
from shared.runtime.grpc import current_principal
from shared.runtime.pages import decode_cursor, encode_cursor

GET_ACCESS: Final = Access(kinds=frozenset({"key", "person"}))
FOLLOW_ACCESS: Final = Access(kinds=frozenset({"key"}), scopes=frozenset({"profile"}))
BUSY_RETRY_SECONDS: Final = 5.0
EPOCH_MAX: Final = 2**31 - 1
XID_DIGITS_MAX: Final = 20
_CURSOR: Final = "profiles"
_SHAPE: Final[tuple[type[int] | type[str], ...]] = (int, str, str, str, int, str, str)
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SkillProfilesServicer(service_pb2_grpc.SkillProfilesServiceServicer):
    """Answers `SkillProfilesService`. followers_max: streams at a time in this process."""

    def __init__(self, profiles: Profiles, following: Following, followers_max: int) -> None:
        self._profiles = profiles
        self._following = following
        self._followers_max = followers_max
        self._places = asyncio.Semaphore(followers_max)

    async def GetProfile(  # noqa: N802 - gRPC
        self, request: skill_profiles_pb2.GetProfileRequest, context: Any
    ) -> skill_profiles_pb2.GetProfileResponse:
        """Return one profile; without a grant it is refused."""
        caller = current_principal()
        if caller.person is not None:
            reading = await self._profiles.own(caller.person, request.person or caller.person)
        else:
            reading = await self._profiles.read(reader_of(caller), request.person)
        return skill_profiles_pb2.GetProfileResponse(
            profile=profile_message(reading.profile), grant=reading.grant or ""
        )

    async def FollowProfiles(  # noqa: N802 - gRPC
        self, request: skill_profiles_pb2.FollowProfilesRequest, context: Any
    ) -> AsyncIterator[skill_profiles_pb2.FollowProfilesResponse]:
        """Stream changes to the profiles the caller may read; it ends by itself after a while, to be resumed."""
        reader = reader_of(current_principal())
        place = place_of(request.cursor) if request.cursor else await self._following.beginning()
        if self._places.locked():
            telemetry.count_bound("followers")
            raise Unavailable(f"{self._followers_max} followers are here already; try again.", BUSY_RETRY_SECONDS)
        async with self._places, aclosing(self._following.follow(reader, place)) as deliveries:
            async for delivery in deliveries:
                yield _delivery_message(delivery)


def cursor_of(place: Place) -> str:
    """Return the opaque cursor for a follower's place."""
    log, opening = place.log, "" if place.opening is None else f"+{place.opening}"
    # As text, since a transaction id may be beyond what JSON numbers carry.
    parts = (log.epoch, str(log.xid), log.person, log.organisation, place.expiry.at_us, place.expiry.grant, opening)
    return encode_cursor(_CURSOR, parts)


def place_of(cursor: str) -> Place:
    """Return the place a cursor names. Raises Rejected for one that is not ours."""
    position = decode_cursor(_CURSOR, {"cursor": cursor}, *_SHAPE)
    assert position is not None
    epoch, xid, person, organisation, at_us, grant, opening = position
    number = str(xid)
    is_ours = number.isascii() and number.isdigit() and len(number) < XID_DIGITS_MAX
    if not is_ours or not 0 <= int(epoch) <= EPOCH_MAX or int(at_us) < 0:
        raise Rejected.of("/cursor", "it is no cursor of this stream", "Send the last one received, or none.")
    log = LogPlace(int(epoch), int(number), str(person), str(organisation))
    return Place(log, ExpiryPlace(int(at_us), str(grant)), str(opening)[1:] if opening else None)


def profile_message(profile: Profile) -> skill_profiles_pb2.Profile:
    """Return the profile as it stands in messages."""
    message = skill_profiles_pb2.Profile(person=profile.person, version=profile.version)
    for skill in profile.skills:
        message.skills.add(
            skill=skill.skill,
            layer=skill.layer,
            level=skill.level,
            mean=skill.mean,
            interval_low=skill.interval_low,
            interval_high=skill.interval_high,
            level_probabilities=skill.level_probabilities,
            works=skill.works,
            raters=skill.raters,
            last_evidence_at_us=_us(skill.last_evidence_at),
            release=skill.release,
        )
    for item in profile.evidence:
        message.evidence.add(
            id=item.id,
            kind=item.kind,
            grade=item.grade,
            summary=item.summary,
            project=item.project,
            occurred_at_us=_us(item.occurred_at),
        )
    for one in profile.credentials:
        message.credentials.add(id=one.id, skill=one.skill, level=one.level, is_revoked=one.revoked_at is not None)
    return message


def _delivery_message(delivery: Delivery) -> skill_profiles_pb2.FollowProfilesResponse:
    profile = delivery.profile
    return skill_profiles_pb2.FollowProfilesResponse(
        cursor=cursor_of(delivery.place),
        person=delivery.person,
        version=profile.version if profile else 0,
        profile=profile_message(profile) if profile else None,
        is_closed=profile is None,
    )


def _us(instant: datetime) -> int:
    return (instant - _EPOCH_START) // timedelta(microseconds=1)

"""Reading a profile: one's own, or another person's with their consent, which is asked for at every single reading.

1. identity says now, not from a cache, whether the organisation may read, and under which grant
2. a record whose stream at identity is parked stays closed: who the person is, or what they allowed, is in doubt
3. an alias is folded in only while identity, too, says that it is one
4. the look is logged and told in the person's stream
5. only then is anything handed out
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from services.skill_profiles.domain.profile import PROFILE_SCOPE, Profile
from services.skill_profiles.domain.requests import no_consent
from services.skill_profiles.handlers.minting import Mint
from shared.events.fact import NewFact
from shared.events.profiles import ProfileRead
from shared.kernel.clock import Clock
from shared.kernel.errors import Forbidden, NotFound, Unavailable

Manner: TypeAlias = Literal["read", "follow"]
CLOSED_RETRY_SECONDS: Final = 30.0
"""A parked stream is mended by an operator; asking sooner helps nobody."""


class RecordClosed(Unavailable):
    """The person's record is closed to others until our own doubt about it is mended."""

    code = "record-closed"


@dataclass(frozen=True, slots=True)
class Members:
    """A canonical person, everybody known by their id, and whether one of their identity streams is parked."""

    person: str
    aliases: tuple[str, ...] = ()
    is_parked: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    """The consent by which somebody may read."""

    grant: str
    purpose: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What identity says: the canonical person, and the consent, if there is one."""

    person: str
    permission: Permission | None


@dataclass(frozen=True, slots=True)
class Reader:
    """An organisation that reads, through one of its keys."""

    organisation: str
    key: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A profile as it may be seen, and under which grant; None for one's own."""

    profile: Profile
    grant: str | None = None


class ProfileStore(Protocol):
    """Profiles as facts have made them."""

    async def members(self, person: str) -> Members:
        """Return the person, whom identity calls canonical, with everybody known by their id."""
        ...

    async def profile(self, person: str, aliases: Sequence[str]) -> Profile:
        """Return the profile of a canonical person and their aliases; empty for one nobody told of."""
        ...


class Consents(Protocol):
    """What identity says about people and consents. Every method raises Unavailable when it does not answer."""

    async def check(self, person: str, organisation: str, scope: str) -> Checked:
        """Return who the person is and whether the organisation may read `scope` now. Raises NotFound."""
        ...

    async def canonical(self, people: Sequence[str]) -> dict[str, str]:
        """Return the canonical id of those among `people` who exist."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """One look at a profile."""

    id: str
    reader: Reader
    person: str
    permission: Permission
    manner: Manner


class AccessLog(Protocol):
    """Looks at profiles, as the people looked at see them."""

    async def record(self, access: Access, fact: NewFact) -> None:
        """Have the access and its fact, durable, in one transaction. Raises NoConsent for who was erased meanwhile."""
        ...


class Profiles:
    """The use case."""

    def __init__(self, store: ProfileStore, consents: Consents, accesses: AccessLog, clock: Clock, mint: Mint) -> None:
        self._store = store
        self._consents = consents
        self._accesses = accesses
        self._clock = clock
        self._mint = mint

    async def own(self, person: str, named: str) -> Reading:
        """Return the person's own profile, asked for by any id they are known by. Raises Forbidden for another's."""
        members = await self._store.members(person)
        if named not in (person, *members.aliases):
            rule = "this is another person's profile"
            raise Forbidden.of("/id", rule, "Read your own; an organisation reads another's with their consent.")
        return Reading(await self._folded(members))

    async def read(self, reader: Reader, person: str, manner: Manner = "read") -> Reading:
        """Return what the reader may see of the person; the look is logged and told by then.

        Raises NoConsent, RecordClosed, or Unavailable when identity does not answer.
        """
        try:
            checked = await self._consents.check(person, reader.organisation, PROFILE_SCOPE)
        except NotFound:
            raise no_consent() from None  # whether there is such a person is nobody's business
        if checked.permission is None:
            raise no_consent()
        members = await self._store.members(checked.person)
        if members.is_parked:
            reason = "This record is closed to others until an operator has mended the person's stream of identity."
            raise RecordClosed(reason, CLOSED_RETRY_SECONDS)
        profile = await self._folded(members)
        await self._log(reader, members.person, checked.permission, manner)
        return Reading(profile.seen_with(checked.permission.scopes), checked.permission.grant)

    async def _folded(self, members: Members) -> Profile:
        """Return the profile with those aliases whom identity knows as such now: a split holds before we hear of it."""
        known = await self._consents.canonical(members.aliases) if members.aliases else {}
        aliases = [alias for alias in members.aliases if known.get(alias) == members.person]
        return await self._store.profile(members.person, aliases)

    async def _log(self, reader: Reader, person: str, permission: Permission, manner: Manner) -> None:
        access = Access(self._mint.id("access"), reader, person, permission, manner)
        told = ProfileRead(
            access=access.id,
            organisation=reader.organisation,
            grant=permission.grant,
            purpose=permission.purpose,
            by=reader.key,
        )
        fact = told.fact(self._mint.fact_id(), person, self._clock.now(), reader.organisation)
        await self._accesses.record(access, fact)

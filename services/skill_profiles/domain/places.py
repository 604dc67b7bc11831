"""Where a follower stands in the log of changes, and what is due to them next.

A follower is told the present state of profiles that changed, never the steps between: changes coalesce, so a slow
follower costs nothing. A place has three parts. `log` is the last change seen, ordered by (epoch, xid, person,
organisation). `expiry` is the last consent whose end was told, because time writes no change. `opening` is the last
person told while a fresh follower is shown every profile that may be read; None once that is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Reason: TypeAlias = Literal["opening", "profile", "consent", "expiry"]


class LogPlace(NamedTuple):
    """A place in the log of changes; the default stands before everything."""

    epoch: int = 0
    xid: int = 0
    person: str = ""
    organisation: str = ""


class ExpiryPlace(NamedTuple):
    """A consent's end: microseconds since the Unix epoch, and the grant."""

    at_us: int = 0
    grant: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a follower stands; what stood before it was told."""

    log: LogPlace
    expiry: ExpiryPlace
    opening: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A person to look at for the follower, why, and where the follower stands once that is told."""

    person: str
    reason: Reason
    place: Place

    @property
    def may_close(self) -> bool:
        """Whether a refusal is told. One that other changes lead to is not: it would say that there were changes."""
        return self.reason in ("consent", "expiry")


@dataclass(frozen=True, slots=True)
class Step:
    """What is due after a place, in order; where the follower stands after all of it; whether more waits already."""

    due: tuple[Due, ...]
    place: Place
    has_more: bool


def latest_a_person(due: list[Due]) -> tuple[Due, ...]:
    """Return the last due of each person and kind of reason, in order: the earlier ones would tell the same twice.

    A due that may close outlives one that may not; it tells whatever the other would have told.
    """
    kept: dict[str, Due] = {}
    for one in due:
        before = kept.pop(one.person, None)
        keeps_reason = before is not None and before.may_close and not one.may_close
        kept[one.person] = Due(one.person, before.reason, one.place) if before and keeps_reason else one
    return tuple(kept.values())

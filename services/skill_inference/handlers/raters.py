"""How reviewers mark, read from the reviews kept as evidence: for operators to look at. Nothing acts on it.

It reads the reviews alone, and not what a release learned of single reviewers. Who opted out of inference is left out,
as reviewer and as who was reviewed: what marks show of somebody is inferred of them too.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from services.skill_inference.domain.observation import Mark
from services.skill_inference.domain.people import People
from services.skill_inference.domain.rater_links import Links, links
from services.skill_inference.domain.rater_misfit import Misfit
from services.skill_inference.domain.rater_monitor import Monitor, MutualFavour, Severity, Sitting, Spreads
from services.skill_inference.domain.release import Release

SITTINGS_MAX: Final = 50_000
"""Reviews that are read, the newest; so many take some 10 s of a thread and 160 MB."""
SITTINGS_OF_ONE_MAX: Final = 32
"""Reviews of one id that are read, the newest: what is computed rises with their square."""


class KeptReview(NamedTuple):
    """A review as it is kept, with ids as they were told."""

    subject: str
    project: str
    reviewer: str
    marks: tuple[Mark, ...]


class RaterDesk(Protocol):
    """What is read of storage."""

    async def newest_reviews(self, limit: int, of_one: int) -> Sequence[KeptReview]:
        """Return the newest reviews, at most `of_one` of one id, and at most `limit`."""
        ...

    async def people(self, persons: Collection[str]) -> People:
        """Return who is whom around `persons`."""
        ...

    async def opted_out(self, members: Mapping[str, Collection[str]]) -> Collection[str]:
        """Return the persons who want nothing inferred."""
        ...


class Sittings(NamedTuple):
    """What is read, by canonical ids. is_newest_only: there are more. left_out: reviews by or of who opted out."""

    reviews: tuple[tuple[str, KeptReview], ...]
    is_newest_only: bool
    left_out: int


class Rater(NamedTuple):
    """What is seen of one reviewer."""

    severity: Severity
    misfit: Misfit | None
    links: Links

    @property
    def flags(self) -> tuple[str, ...]:
        """Reasons to look."""
        is_misfit = self.misfit is not None and self.misfit.is_flagged
        return (*self.severity.flags, *(("misfit",) if is_misfit else ()))


class RaterReport(NamedTuple):
    """Reviewers by name, and the pairs who marked each other, the flagged and surest first."""

    raters: tuple[Rater, ...]
    pairs: tuple[MutualFavour, ...]


async def read_sittings(desk: RaterDesk) -> Sittings:
    """Return the newest reviews, their people as whom they are now."""
    found = await desk.newest_reviews(SITTINGS_MAX + 1, SITTINGS_OF_ONE_MAX)
    kept = found[:SITTINGS_MAX]
    people = await desk.people({name for one in kept for name in (one.subject, one.reviewer)})
    canonical = {name: people.canonical(name) for one in kept for name in (one.subject, one.reviewer)}
    members: dict[str, set[str]] = {}
    for name, person in canonical.items():
        members.setdefault(person, {person}).add(name)
    for alias in people.aliases():
        members.setdefault(people.canonical(alias), set()).add(alias)
    out = frozenset(await desk.opted_out(members))
    reviews = tuple(
        (canonical[one.subject], one._replace(reviewer=canonical[one.reviewer]))
        for one in kept
        if canonical[one.subject] not in out and canonical[one.reviewer] not in out
    )
    return Sittings(reviews, len(found) > SITTINGS_MAX, len(kept) - len(reviews))


def rater_report(sittings: Sittings, release: Release, skills: Collection[str]) -> RaterReport:
    """Return what these reviews show. skills: the framework's; marks on others are passed over. Takes seconds."""
    seen = [_sitting(person, review, release, skills) for person, review in sittings.reviews]
    seen = [one for one in seen if one.marks and one.reviewer != one.person]
    if not seen:
        return RaterReport((), ())
    monitor = Monitor(seen, spreads(release, sum(len(one.marks) for one in seen) / len(seen)))
    linked = links((one.person, one.work, one.reviewer) for one in seen)
    misfits = monitor.misfits()
    raters = tuple(Rater(one, misfits[one.reviewer], linked[one.reviewer]) for one in monitor.severities())
    pairs = sorted(
        monitor.mutual_favours(), key=lambda one: (not one.is_flagged, -one.logits / one.deviation, one.pair)
    )
    return RaterReport(raters, tuple(pairs))


def spreads(release: Release, marks: float) -> Spreads:
    """Return the variances of a sitting of so many marks, each on a skill of its own, as the release has them.

    What differs by skill is averaged over the sitting's marks, and is a spread of single marks besides.
    """
    curve, works, reviewers = release.curve, release.works, release.reviewers
    by_skill = curve.deviation_variance + works.part_variance + reviewers.part_variance
    return Spreads(
        person=curve.general_variance + curve.deviation_variance / marks,
        work=works.variance + works.part_variance / marks,
        severity=reviewers.severity_variance + reviewers.part_variance / marks,
        sitting=reviewers.sitting_variance,
        mark=by_skill,
    )


def _sitting(person: str, review: KeptReview, release: Release, skills: Collection[str]) -> Sitting:
    read = [
        (_about_strangers(release, mark.criterion), mark.value)
        for mark in review.marks
        if mark.skill in skills and mark.value <= len(release.thresholds(mark.criterion))
    ]
    return Sitting(person, review.project, review.reviewer, tuple(sorted(read)))


def _about_strangers(release: Release, criterion: str) -> tuple[float, ...]:
    """Return the thresholds with a stranger's mean level at 0, as the monitor reads them."""
    return tuple(math.fsum((one, -release.curve.general_mean)) for one in release.thresholds(criterion))

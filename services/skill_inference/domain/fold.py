"""The state of a person as a function of the *set* of their observations.

Late, repeated and reordered facts are the normal case, and learning steps do not commute. So the set is first put in
one order (time, source, sequence; fact and part break ties), each fact once, and then learned from in that order.
Merging two people is the fold of the union, splitting or voiding the fold of what is left. Every arrival order, batch
split and repetition gives the same bits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from services.skill_inference.domain.evidence import Tallies
from services.skill_inference.domain.learner import Learner
from services.skill_inference.domain.observation import MarkSet, Observation, Place
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.state import PersonState
from shared.kernel.errors import Broken

MARKS_COST: Final = 20
"""To fold a set of marks takes about as long as so many outcomes."""
SNAPSHOT_EVERY: Final = 64
"""Observations between the newest snapshots; further back the distance doubles."""
SNAPSHOT_DISTANCES: Final = tuple(SNAPSHOT_EVERY * 2**n for n in range(8))
"""Two snapshots at each distance are kept, so 16 of one person at most, the oldest some 16,000 observations back."""


def fold(observations: Iterable[Observation], release: Release) -> PersonState:
    """Return the state the whole set of one person's observations leads to under `release`.

    Duplicates do no harm. Raises Broken when one fact comes with two contents. Replays everything: linear in the
    outcomes, and a work costs the square of its skills and reviewers for each of its marks.
    """
    return Ledger(observations, release).state()


def in_order(observations: Iterable[Observation]) -> list[Observation]:
    """Return the observations in the person's order, each once. Raises Broken when one fact comes with two contents."""
    return sorted(_fresh(observations, {}).values(), key=_place)


class Snapshot(NamedTuple):
    """What was learned from the first `after` observations, and in how many steps."""

    after: int
    steps: int
    learner: Learner


class Ledger:
    """One person's observations in order, and what was learned from them; newer ones are learned from as they come.

    Late ones are learned from with all that is later than they are, from the latest snapshot before them. Whatever the
    way by which a ledger came to its observations, its state has the same bits.
    """

    def __init__(self, observations: Iterable[Observation], release: Release) -> None:
        """Raises Broken when one fact comes with two contents."""
        self._release = release
        self._unique: dict[tuple[str, int], Observation] = {}
        self._ordered: list[Observation] = []
        self._begun: dict[str, Place] = {}
        self._learner = Learner(release)
        self._snapshots: list[Snapshot] = []
        self._tallies = Tallies(release.assurance)
        self.take(observations)

    def __len__(self) -> int:
        return len(self._ordered)

    def take(self, observations: Iterable[Observation]) -> None:
        """Have these observations too. Costs a step for each that is the newest, else a replay from the oldest.

        Raises Broken when one fact comes with two contents; the ledger is then as it was.
        """
        fresh = _fresh(observations, self._unique)
        if not fresh:
            return
        ordered = sorted(fresh.values(), key=_place)
        first = self._first_touched(ordered)
        snapshot = self._latest(first)
        tail = sorted([*self._ordered[snapshot.after :], *ordered], key=_place)
        self._unique |= fresh
        for observation in ordered:
            if observation.work is not None:
                begun = self._begun.setdefault(observation.work, observation.place)
                self._begun[observation.work] = min(begun, observation.place)
        self._ordered[snapshot.after :] = tail
        self._tallies.count(ordered)
        self._replay(snapshot, tail)

    def cost(self, observations: Iterable[Observation]) -> int:
        """Return what taking these would cost, in outcomes folded."""
        fresh = list(_fresh(observations, self._unique).values())
        if not fresh:
            return 0
        snapshot = self._latest(self._first_touched(fresh))
        return sum(_cost(seen) for seen in (*fresh, *self._ordered[snapshot.after :]))

    def state(self) -> PersonState:
        """Return what the observations lead to."""
        learner = self._learner
        evidence, steps = self._tallies.evidence(), tuple(learner.steps)
        return PersonState(self._release.id, learner.person, learner.skills(), evidence, steps)

    @property
    def snapshots(self) -> tuple[int, ...]:
        """After how many observations there are snapshots."""
        return tuple(snapshot.after for snapshot in self._snapshots)

    def _first_touched(self, observations: Sequence[Observation]) -> Place:
        """Return the first place at which something is learned in another way when these come."""
        begun = [self._begun[one.work] for one in observations if one.work is not None and one.work in self._begun]
        return min([*begun, *(one.place for one in observations)])

    def _latest(self, place: Place) -> Snapshot:
        """Return the latest snapshot in which nothing is of `place` or later: of now, if all is earlier."""
        count = bisect_left(self._ordered, place, key=_place)
        if count == len(self._ordered):
            return Snapshot(count, len(self._learner.steps), self._learner)
        for snapshot in reversed(self._snapshots):
            if snapshot.after <= count:
                return snapshot
        return Snapshot(0, 0, Learner(self._release))

    def _replay(self, snapshot: Snapshot, tail: Sequence[Observation]) -> None:
        """Have learned from `tail`, which follows the snapshot, with new snapshots on the way."""
        self._snapshots = [kept for kept in self._snapshots if kept.after <= snapshot.after]
        if snapshot.learner is not self._learner:
            steps = self._learner.steps[: snapshot.steps]
            self._learner = snapshot.learner.copy()
            self._learner.steps = steps
        kept = snapshot_counts(len(self._ordered))
        works = self._learner.works_of(tail)
        begin = snapshot.after
        for stop in sorted(kept | {len(self._ordered)}):
            if stop <= snapshot.after:
                continue
            self._learner.learn(self._ordered[begin:stop], works)
            begin = stop
            if stop in kept:
                self._snapshots.append(Snapshot(stop, len(self._learner.steps), self._learner.copy()))
        self._snapshots = [one for one in self._snapshots if one.after in kept]


@lru_cache(maxsize=8_192)
def snapshot_counts(count: int) -> frozenset[int]:
    """Return after how many observations a snapshot is kept, of `count`: near the end often, further back seldom.

    Of the multiples of 64, 128, 256 … the last two each. What is kept of more is never missing in what is kept of
    fewer, so snapshots are only taken at the end and dropped behind it.
    """
    last = {distance: count - count % distance for distance in SNAPSHOT_DISTANCES}
    return frozenset(at for distance, newest in last.items() for at in (newest, newest - distance) if at > 0)


def _fresh(
    observations: Iterable[Observation], known: dict[tuple[str, int], Observation]
) -> dict[tuple[str, int], Observation]:
    """Return those that are not known, each once. Raises Broken when one fact comes with two contents."""
    fresh: dict[tuple[str, int], Observation] = {}
    for observation in observations:
        key = (observation.place.fact, observation.place.part)
        same = known.get(key) or fresh.setdefault(key, observation)
        if same is not observation and same != observation:
            raise Broken(f"fact {key[0]} part {key[1]} stands with two contents")
    return fresh


def _cost(observation: Observation) -> int:
    return MARKS_COST if isinstance(observation, MarkSet) else 1


def _place(observation: Observation) -> Place:
    return observation.place

"""The state of a person as a function of the *set* of their observations.

Late, repeated and reordered facts are the normal case, and learning steps do not commute. So the set is first put in
one order (time, source, sequence; fact and part break ties), each fact once, and then learned from in that order.
Merging two people is the fold of the union, splitting or voiding the fold of what is left. Every arrival order, batch
split and repetition gives the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from services.skill_inference.domain.evidence import Tallies
from services.skill_inference.domain.learner import Learner
from services.skill_inference.domain.observation import MarkSet, Observation, Place
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.state import PersonState
from shared.kernel.errors import Broken

MARKS_COST: Final = 20
"""To fold a set of marks takes about as long as so many outcomes."""


def fold(observations: Iterable[Observation], release: Release) -> PersonState:
    """Return the state the whole set of one person's observations leads to under `release`.

    Duplicates do no harm. Raises Broken when one fact comes with two contents. Replays everything: linear in the
    outcomes, and a work costs the square of its skills and reviewers for each of its marks.
    """
    return Ledger(observations, release).state()


def in_order(observations: Iterable[Observation]) -> list[Observation]:
    """Return the observations in the person's order, each once. Raises Broken when one fact comes with two contents."""
    unique: dict[tuple[str, int], Observation] = {}
    for observation in observations:
        place = observation.place
        known = unique.setdefault((place.fact, place.part), observation)
        if known is not observation and known != observation:
            raise Broken(f"fact {place.fact} part {place.part} stands with two contents")
    return sorted(unique.values(), key=_place)


class Ledger:
    """One person's observations in order, and what was learned from them; newer ones are learned from as they come.

    Whatever the way by which a ledger came to its observations, its state has the same bits.
    """

    def __init__(self, observations: Iterable[Observation], release: Release) -> None:
        """Raises Broken when one fact comes with two contents."""
        self._release = release
        self._begin(in_order(observations))

    def __len__(self) -> int:
        return len(self._ordered)

    def take(self, observations: Iterable[Observation]) -> None:
        """Have these observations too. Costs a step each while they are the newest, else the fold of everything.

        Raises Broken when a late fact comes with two contents; the ledger is then as it was. A newer one is taken for
        another fact.
        """
        ordered = in_order(observations)
        if not ordered:
            return
        works = _works(ordered)
        is_late = bool(self._ordered) and ordered[0].place <= self._ordered[-1].place
        if is_late or not works.isdisjoint(self._works):
            self._begin(in_order([*self._ordered, *ordered]))
        else:
            self._ordered += ordered
            self._works |= works
            self._learn(ordered)

    def cost(self, observations: Iterable[Observation]) -> int:
        """Return what taking these would cost, in outcomes folded."""
        fresh = list(observations)
        works = _works(fresh)
        is_late = bool(self._ordered) and any(seen.place <= self._ordered[-1].place for seen in fresh)
        again = self._ordered if is_late or not works.isdisjoint(self._works) else []
        return sum(MARKS_COST if isinstance(seen, MarkSet) else 1 for seen in (*fresh, *again))

    def state(self) -> PersonState:
        """Return what the observations lead to."""
        learner = self._learner
        skills, steps = dict(learner.skills), tuple(learner.steps)
        return PersonState(self._release.id, learner.general, skills, self._tallies.evidence(), steps)

    def _begin(self, ordered: list[Observation]) -> None:
        self._ordered = ordered
        self._works = _works(ordered)
        self._learner = Learner(self._release)
        self._tallies = Tallies(self._release.assurance)
        self._learn(ordered)

    def _learn(self, ordered: Sequence[Observation]) -> None:
        self._learner.learn(ordered)
        self._tallies.count(ordered)


def _place(observation: Observation) -> Place:
    return observation.place


def _works(observations: Iterable[Observation]) -> set[str]:
    return {observation.work for observation in observations if observation.work is not None}

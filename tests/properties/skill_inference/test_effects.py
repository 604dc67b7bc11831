"""What statements are said to move is what the estimate is made of, whatever was voided and however it is paged."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.skill_inference.domain.alignment import Target
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import Assurance
from services.skill_inference.domain.people import People
from services.skill_inference.domain.reading import Evidence, Targets, observations
from services.skill_inference.domain.revision import presentable
from services.skill_inference.domain.testimony import Statement
from services.skill_inference.handlers.desk import Inference, Standing
from services.skill_inference.handlers.effects import Effect, effects_of
from shared.kernel.clock import FixedClock
from shared.kernel.ids import FactId
from tests.unit.skill_inference.people import APIS, DRIFT, START, framework, release, rules

TARGETS: Targets = {
    "org": {
        "x:api": Target(((APIS, 1.0),), 0.5, Assurance.AUTOMATED_CHECK),
        "x:both": Target(((APIS, 1.0), (DRIFT, 3.0)), -1.0, Assurance.NAMED_REVIEWER),
        "x:claim": Target(((APIS, 1.0),), 0.0, Assurance.SELF_CLAIM),
    }
}
INFERENCE = Inference(framework(), release(), rules(), FixedClock(START), lambda: FactId("none"))


class Kept:
    """Statements of some people and what of them is void, in memory; as the desk of the use case."""

    def __init__(self, statements: Sequence[Statement], void: Collection[str]) -> None:
        self._statements = statements
        self._void = void

    async def people(self, persons: Collection[str]) -> People:
        return People({})

    async def standings(self, members: Mapping[str, Collection[str]]) -> Mapping[str, Standing]:
        return {person: Standing(len(self._of(person)), has_voidings=True) for person in members}

    async def evidence(
        self, members: Mapping[str, Collection[str]], standings: Mapping[str, Standing] | None = None
    ) -> Mapping[str, Evidence]:
        return {
            person: Evidence(tuple(one for one in self._of(person) if one.fact not in self._void), ())
            for person in members
        }

    async def targets(self, organisations: Collection[str]) -> Targets:
        return TARGETS

    async def opted_out(self, members: Mapping[str, Collection[str]]) -> Collection[str]:
        return ()

    async def voided_statements(
        self, members: Mapping[str, Collection[str]], organisation: str
    ) -> Mapping[str, Sequence[Statement]]:
        return {person: [one for one in self._of(person) if one.fact in self._void] for person in members}

    def _of(self, person: str) -> list[Statement]:
        return [one for one in self._statements if one.subject == person]


def _statements(drawn: Sequence[tuple[int, str, float, int]]) -> list[Statement]:
    made = [
        Statement(
            f"prs_{person}",
            number + 1,
            f"fact-{number:02}",
            "org",
            f"s-{number}",
            activity,
            result,
            START + timedelta(hours=hour),
        )
        for number, (person, activity, result, hour) in enumerate(drawn)
    ]
    return sorted(made, key=lambda one: (one.subject, one.number))


_drawn = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(("x:api", "x:both", "x:claim", "x:none")),
        st.floats(0, 1),
        st.integers(0, 20_000),
    ),
    min_size=1,
    max_size=12,
).map(_statements)


def _effects(desk: Kept, statements: Sequence[Statement]) -> list[Effect]:
    return asyncio.run(effects_of(desk, INFERENCE, statements))


@settings(max_examples=40, deadline=None)
@given(_drawn, st.sets(st.integers(0, 11).map(lambda number: f"fact-{number:02}")))
def test_what_statements_move_sums_to_the_estimate_of_those_that_stand(
    statements: list[Statement], void: set[str]
) -> None:
    found = _effects(Kept(statements, void), statements)
    assert [one.statement for one in found] == statements
    for person in {one.subject for one in statements}:
        standing = tuple(one for one in statements if one.subject == person and one.fact not in void)
        state = fold(observations(Evidence(standing, ()), TARGETS, framework().skills, [person]), release())
        own = [one for one in found if one.statement.subject == person]
        assert all(one.state == "not-aligned" for one in own if one.statement.activity == "x:none")
        assert all(not one.moved for one in own if one.statement.fact in void)
        # A statement moves the general level of every skill, and only the skills it shows are told: all show this one.
        said = presentable(state, release()).get(APIS)
        if said is not None:
            moved = math.fsum(one.moved.get(APIS, 0.0) for one in own)
            assert math.isclose(release().prior_mean(APIS) + moved, said.mean, abs_tol=1e-9)


@settings(max_examples=40, deadline=None)
@given(_drawn, st.sets(st.integers(0, 11).map(lambda number: f"fact-{number:02}")))
def test_what_was_taken_back_is_what_it_moved_before(statements: list[Statement], void: set[str]) -> None:
    before = _effects(Kept(statements, ()), statements)
    after = _effects(Kept(statements, void), statements)
    for was, now in zip(before, after, strict=True):
        if now.state == "voided":
            assert now.taken_back == was.moved
        else:
            assert not now.taken_back


@settings(max_examples=40, deadline=None)
@given(_drawn, st.integers(1, 5))
def test_pages_of_any_size_tell_the_same(statements: list[Statement], size: int) -> None:
    desk = Kept(statements, ())
    paged = [
        one for start in range(0, len(statements), size) for one in _effects(desk, statements[start : start + size])
    ]
    assert paged == _effects(desk, statements)

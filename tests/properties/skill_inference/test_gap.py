"""A gap to a role is a function of the set of evidence, and moves the way its parts move."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.gap import Gap, gap
from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.prerequisites import at_least
from services.skill_inference.domain.readiness import Demanded, readiness
from services.skill_inference.domain.roles import Demand, Role
from tests.properties.skill_inference.evidence import histories
from tests.unit.skill_inference.people import day, framework, release, rules

_demands = st.lists(
    st.builds(Demand, st.sampled_from(tuple(framework().skills)), st.integers(1, 5), st.integers(1, 3)),
    min_size=1,
    max_size=8,
    unique_by=lambda demand: demand.skill,
).map(tuple)
_variances = st.floats(1e-3, 9.0)
_demanded = st.lists(st.builds(Demanded, st.integers(1, 3), st.floats(-9.0, 9.0), _variances), min_size=1, max_size=10)


def _gap(seen: list[Observation], demands: tuple[Demand, ...]) -> Gap:
    role = Role("role", "role", "A role", "For a test.", demands, ())
    return gap(fold(seen, release()), role, framework(), release(), rules().standard, day(4_000))


@settings(max_examples=40)
@given(histories(), _demands)
def test_the_order_in_which_evidence_arrives_changes_no_bit_of_a_gap(
    seen: list[Observation], demands: tuple[Demand, ...]
) -> None:
    turned = [*seen[len(seen) // 2 :], *seen[: len(seen) // 2], *seen[:1]]
    assert _gap(turned, demands) == _gap(seen, demands)


@settings(max_examples=40)
@given(histories(), _demands)
def test_shares_and_chances_lie_between_0_and_1_and_the_interval_is_one(
    seen: list[Observation], demands: tuple[Demand, ...]
) -> None:
    found = _gap(seen, demands)
    low, high = found.readiness.interval
    experience = found.experience
    shares = (found.readiness.mean, low, high, found.unseen, experience.covered, experience.is_open)
    assert all(0.0 <= share <= 1.0 for share in (*shares, *(one.chance for one in found.skills)))
    assert low <= high
    assert experience.covered + experience.is_open <= 1.0 + 1e-12


@settings(max_examples=40)
@given(histories(), _demands)
def test_a_higher_target_never_makes_a_role_nearer(seen: list[Observation], demands: tuple[Demand, ...]) -> None:
    higher = tuple(Demand(one.skill, min(one.target + 1, 5), one.weight) for one in demands)
    before, after = _gap(seen, demands), _gap(seen, higher)
    assert after.readiness.mean <= before.readiness.mean
    assert after.experience.is_open >= before.experience.is_open
    assert all(later.distance >= one.distance for later, one in zip(after.skills, before.skills, strict=True))


@given(_demanded, _variances, st.floats(0.0, 4.0))
def test_levels_that_lie_higher_with_the_same_certainty_never_lower_readiness(
    demanded: list[Demanded], general_variance: float, shift: float
) -> None:
    before = readiness(demanded, general_variance)
    after = readiness([one._replace(distance=one.distance - shift) for one in demanded], general_variance)
    assert after.mean >= before.mean - 1e-12
    assert after.interval[0] >= before.interval[0]
    assert after.interval[1] >= before.interval[1]


@given(st.floats(-9.0, 9.0), _variances, st.floats(-40.0, 40.0), _variances)
def test_a_floor_never_lowers_a_mean_nor_widens_a_belief(
    mean: float, variance: float, floor_mean: float, floor_variance: float
) -> None:
    raised, narrowed = at_least(mean, variance, floor_mean, floor_variance)
    assert raised >= mean
    assert 0.0 < narrowed <= variance


@settings(max_examples=25)
@given(histories(), _demands)
def test_evidence_of_what_the_role_asks_for_is_never_called_unseen(
    seen: list[Observation], demands: tuple[Demand, ...]
) -> None:
    found = _gap(seen, demands)
    weight = sum(one.demand.weight for one in found.skills)
    unseen = sum(one.demand.weight for one in found.skills if one.said.observations == 0)
    assert found.unseen == unseen / weight
    assert all(one.said.observations > 0 for one in found.skills if one.is_covered)

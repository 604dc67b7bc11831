"""A prediction is a function of the set of evidence, lies between 0 and 1, and rises with the level."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.skill_inference.domain.next_marks import expected_mark, mark_chances, predict_marks
from services.skill_inference.domain.next_outcome import predict_outcome
from services.skill_inference.domain.observation import Mark, MarkSet, Observation
from tests.properties.skill_inference.evidence import histories
from tests.unit.skill_inference.people import APIS, day, outcome, release
from tests.unit.skill_inference.readouts import readout_text, with_readout

KNOWN = "https://lms.example/known"
LATER = day(4_000)
_difficulties = st.lists(st.floats(-8.0, 8.0), min_size=2, max_size=4).map(sorted)
_thresholds = st.lists(st.floats(-8.0, 8.0), min_size=1, max_size=8, unique=True).map(sorted)


@settings(max_examples=40)
@given(histories(), st.floats(-5.0, 5.0))
def test_a_chance_is_one_and_the_same_bits_in_whatever_order_evidence_came(
    seen: list[Observation], weight: float
) -> None:
    under, asked = with_readout(readout_text({KNOWN: weight}, after_success=0.5)), outcome(9, task=KNOWN, at=LATER)
    turned = [*seen[len(seen) // 2 :], *seen[: len(seen) // 2], *seen[:1]]
    found = predict_outcome(seen, asked, under)
    assert predict_outcome(turned, asked, under) == found
    assert 0.0 < found.chance < 1.0
    assert 0.0 < found.state_chance < 1.0


@settings(max_examples=40)
@given(histories(), _difficulties)
def test_who_stands_higher_above_a_task_is_likelier_to_succeed(
    seen: list[Observation], difficulties: list[float]
) -> None:
    under = with_readout(readout_text({KNOWN: 0.0}))
    found = [predict_outcome(seen, outcome(9, task=KNOWN, at=LATER, difficulty=one), under) for one in difficulties]
    for easier, harder in pairwise(found):
        assert easier.chance >= harder.chance
        assert easier.state_chance >= harder.state_chance


@settings(max_examples=60)
@given(st.floats(-10.0, 10.0), st.floats(0.0, 4.0), st.floats(0.0, 20.0), _thresholds)
def test_the_expected_mark_rises_with_the_level(
    mean: float, higher: float, variance: float, thresholds: list[float]
) -> None:
    one, other = (mark_chances(at, variance, thresholds) for at in (mean, mean + higher))
    assert all(0.0 < chance < 1.0 for chance in (*one, *other))
    assert abs(sum(one) - 1.0) < 1e-9
    assert expected_mark(other) >= expected_mark(one) - 1e-4


@settings(max_examples=40)
@given(histories(), st.sampled_from(("prj-0", "prj-1", "new")))
def test_marks_expected_are_the_same_bits_in_whatever_order_evidence_came(seen: list[Observation], work: str) -> None:
    marks = (Mark("c", APIS, 0),)
    asked = MarkSet(
        occurred_at=LATER, source="asked", sequence=1, fact="asked", work=work, reviewer="anybody", marks=marks
    )
    turned = [*seen[len(seen) // 2 :], *seen[: len(seen) // 2], *seen[:1]]
    assert predict_marks(turned, asked, release()) == predict_marks(seen, asked, release())

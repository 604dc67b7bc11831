"""Who is told of what: whatever is left out at once, the rule would have left out as well."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.revision import presentable, revisions
from services.skill_inference.domain.telling import Told, should_tell, telling
from tests.properties.skill_inference.evidence import histories
from tests.unit.skill_inference.people import framework, release, rules

_MOVES = st.sampled_from((0.0, 0.04, -0.04, 0.0500001, -0.06, 1.0))


@given(histories(size_max=40), st.data())
def test_exactly_that_is_told_which_the_rule_says_is_worth_it(history: list[Observation], data: st.DataObject) -> None:
    state, rule = fold(history, release()), rules().standard
    shown = presentable(state, release())
    told: dict[str, Told] = {}
    for skill, said in shown.items():
        now = telling(said, rule)
        claim = data.draw(st.sampled_from((now.claim, 0, 1)))
        of = data.draw(st.sampled_from((now.release, now.release, "another")))
        if data.draw(st.booleans()):
            told[skill] = Told(now.mean + data.draw(_MOVES), of, claim)
    found = [one.skill for one in revisions(state, told, framework(), release(), rule)]
    assert found == [skill for skill, said in shown.items() if should_tell(told.get(skill), said, rule)]


@given(histories(size_max=40))
def test_what_was_told_last_is_never_told_again(history: list[Observation]) -> None:
    state, rule = fold(history, release()), rules().standard
    told = {one.skill: one.told for one in revisions(state, {}, framework(), release(), rule) if one.told is not None}
    assert revisions(state, told, framework(), release(), rule) == []

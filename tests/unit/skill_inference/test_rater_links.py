"""Who can be compared with whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.skill_inference.domain.rater_links import Links, links

NAMES = st.sampled_from("abcdef")


def test_reviewers_of_one_person_are_joined_and_strangers_are_not() -> None:
    found = links([("p", "w1", "a"), ("p", "w2", "b"), ("q", "w3", "c"), ("q", "w3", "b"), ("r", "w4", "d")])
    assert {name: one.component for name, one in found.items()} == {"a": 1, "b": 1, "c": 1, "d": 2}
    assert found["b"] == Links(works=2, people=2, shared_works=1, shared_people=2, component=1)
    assert found["d"] == Links(works=1, people=1, shared_works=0, shared_people=0, component=2)


@given(st.lists(st.tuples(NAMES, NAMES)))
def test_a_component_is_whoever_is_reached_over_people_in_common(marked: list[tuple[str, str]]) -> None:
    found = links((person, f"of {person}", reviewer) for person, reviewer in marked)
    for start in found:
        reached, before = {start}, set[str]()
        while reached != before:
            before = set(reached)
            people = {person for person, reviewer in marked if reviewer in reached}
            reached |= {reviewer for person, reviewer in marked if person in people}
        assert reached == {name for name, one in found.items() if one.component == found[start].component}

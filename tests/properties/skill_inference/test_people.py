"""Who is whom, for any links: everybody has one canonical id, and belongs to exactly one person."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.skill_inference.domain.people import People, outside

_names = st.sampled_from("abcdefgh")
_links = st.dictionaries(_names, _names)


@given(_links)
def test_everybody_belongs_to_exactly_one_person(links: dict[str, str]) -> None:
    people = People(links)
    named = {*links, *links.values()}
    persons = people.canonicals(named)
    members = [people.members(person) for person in persons]
    assert sorted(one for ids in members for one in ids) == sorted({*named, *persons})
    assert all(people.canonical(one) == person for person in persons for one in people.members(person))


@given(_links)
def test_the_canonical_id_stands_for_itself(links: dict[str, str]) -> None:
    people = People(links)
    for one in links:
        canonical = people.canonical(one)
        assert people.canonical(canonical) == canonical
        assert people.is_alias(one) == (canonical != one)


@given(_links, _names)
def test_what_is_not_linked_stands_for_itself_alone(links: dict[str, str], name: str) -> None:
    alone = name.upper()
    assert People(links).canonical(alone) == alone
    assert People(links).members(alone) == {alone}


def test_links_of_links_are_followed() -> None:
    people = People({"a": "b", "b": "c", "x": "y"})
    assert people.canonical("a") == "c"
    assert people.members("c") == {"a", "b", "c"}


def test_a_ring_has_one_canonical_id_wherever_it_is_entered() -> None:
    people = People({"b": "c", "c": "a", "a": "b", "z": "c"})
    assert people.canonicals("abcz") == {"a"}


def test_whom_to_look_up_next() -> None:
    assert outside({"a", "b"}, {"a": "c", "d": "b"}) == {"c", "d"}

"""Who can be compared with whom: reviewers are joined by the people whom several of them marked.

Between two components nothing tells a harsh reviewer from people of a lower level; severities compare within one only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Links(NamedTuple):
    """On how many works and people a reviewer left marks, on how many of each another did too, and their component."""

    works: int
    people: int
    shared_works: int
    shared_people: int
    component: int


def links(sittings: Iterable[tuple[str, str, str]]) -> dict[str, Links]:
    """Return the links of each reviewer by name. sittings: (person, work, reviewer).

    Components count from 1, in the order of their first reviewer by name.
    """
    works: defaultdict[str, set[str]] = defaultdict(set)
    people: defaultdict[str, set[str]] = defaultdict(set)
    for person, work, reviewer in sittings:
        works[work].add(reviewer)
        people[person].add(reviewer)
    own_works, own_people = _by_reviewer(works), _by_reviewer(people)
    component = _components(people)
    return {name: Links(*_counts(own_works[name], own_people[name]), component[name]) for name in sorted(component)}


def _by_reviewer(marked: Mapping[str, set[str]]) -> dict[str, list[int]]:
    """Return by reviewer how many reviewers each thing has that they marked."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for reviewers in marked.values():
        for reviewer in reviewers:
            found[reviewer].append(len(reviewers))
    return found


def _counts(works: list[int], people: list[int]) -> tuple[int, int, int, int]:
    return len(works), len(people), sum(one > 1 for one in works), sum(one > 1 for one in people)


def _components(people: Mapping[str, set[str]]) -> dict[str, int]:
    above: dict[str, str] = {}

    def root(name: str) -> str:
        while above[name] != name:
            above[name] = above[above[name]]
            name = above[name]
        return name

    for reviewers in people.values():
        first, *others = sorted(reviewers)
        above.setdefault(first, first)
        for other in others:
            one, two = sorted((root(first), root(above.setdefault(other, other))))
            above[two] = one
    numbers: dict[str, int] = {}
    return {name: numbers.setdefault(root(name), len(numbers) + 1) for name in sorted(above)}

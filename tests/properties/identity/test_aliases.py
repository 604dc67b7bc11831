"""Aliases under any order of merges and splits: one step, the oldest, no ring, and told so that all who hear agree."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.aliases import (
    UNION_PEOPLE_MAX,
    Aliases,
    AlreadyOne,
    Edge,
    Member,
    UnionTooLarge,
    told_changes,
)
from services.identity.domain.facts import Occasion
from shared.events.event import decode
from shared.events.fact import NewFact
from shared.events.identity import PersonMerged, PersonSplit
from shared.kernel.ids import FactId, PersonId

START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = [PersonId(f"prs_{letter}") for letter in "abcdefgh"]
MEMBERS = frozenset(Member(START + timedelta(days=day), person, "admin") for day, person in enumerate(PEOPLE))

Step = tuple[str, int, int]
steps = st.lists(st.tuples(st.sampled_from(["merge", "split"]), st.integers(0, 7), st.integers(0, 7)), max_size=30)


@dataclass
class History:
    """What came of a list of steps: the links, and each person's stream of facts."""

    aliases: Aliases = field(default_factory=lambda: Aliases(MEMBERS))
    streams: dict[str, list[NewFact]] = field(default_factory=lambda: defaultdict(list))
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def take(self, step: Step) -> None:
        before = self.aliases
        kind, one, other = step
        if kind == "merge":
            edge = Edge(f"lnk_{next(self.numbers)}", PEOPLE[one], PEOPLE[other])
            try:
                self.aliases = before.merged(edge)
            except AlreadyOne:
                return
        elif before.edges:
            links = sorted(edge.link for edge in before.edges)
            self.aliases = before.split(links[(one * 8 + other) % len(links)])
        occasion = Occasion(START, lambda: FactId(f"{next(self.numbers)}"))
        for fact in told_changes(before.table(), self.aliases.table(), occasion):
            self.streams[fact.subject].append(fact)


def history(taken: Sequence[Step]) -> History:
    result = History()
    for step in taken:
        result.take(step)
    return result


def components(aliases: Aliases) -> dict[PersonId, frozenset[PersonId]]:
    """The plainest model: join sets until no link joins two."""
    sets = {member.id: frozenset({member.id}) for member in aliases.members}
    for edge in aliases.edges:
        joined = sets[edge.one] | sets[edge.other]
        sets |= dict.fromkeys(joined, joined)
    return sets


@given(steps)
def test_everybody_is_known_by_the_oldest_they_are_one_with_in_one_step(taken: list[Step]) -> None:
    aliases = history(taken).aliases
    age = {member.id: member for member in MEMBERS}
    table = aliases.table()
    for person, union in components(aliases).items():
        oldest = min(age[one] for one in union).id
        assert table.get(person, person) == oldest
    assert not set(table.values()) & set(table)


@given(steps)
def test_links_never_close_a_ring(taken: list[Step]) -> None:
    aliases = history(taken).aliases
    assert len(aliases.edges) == len(MEMBERS) - len(set(components(aliases).values()))


@given(steps, st.randoms(use_true_random=False))
def test_the_table_follows_from_the_set_of_links_alone(taken: list[Step], rng: object) -> None:
    aliases = history(taken).aliases
    edges = sorted(aliases.edges, key=lambda edge: edge.link)
    rng.shuffle(edges)  # type: ignore[attr-defined]
    again = Aliases(MEMBERS)
    for edge in edges:
        again = again.merged(edge)
    assert again.table() == aliases.table()


@given(steps, st.integers(0, 7), st.integers(0, 7))
def test_a_split_gives_back_what_was_there_before_the_merge(taken: list[Step], one: int, other: int) -> None:
    before = history(taken).aliases
    try:
        merged = before.merged(Edge("lnk_new", PEOPLE[one], PEOPLE[other]))
    except AlreadyOne:
        return
    assert merged.split("lnk_new") == before


@given(steps)
def test_a_persons_own_stream_says_whose_alias_they_are(taken: list[Step]) -> None:
    """A consumer that keeps one canonical person an alias, and hears them in the alias's stream."""
    result = history(taken)
    heard: dict[str, str] = {}
    for person, stream in result.streams.items():
        for event in (decode(fact.type, fact.data) for fact in stream):
            if isinstance(event, PersonMerged) and event.alias == person:
                assert person not in heard
                heard[person] = event.canonical
            elif isinstance(event, PersonSplit) and event.alias == person:
                assert heard.pop(person) == event.canonical
    assert heard == result.aliases.table()


@given(steps)
def test_the_merges_that_no_split_ended_join_the_same_people(taken: list[Step]) -> None:
    """A consumer that keeps a set of pairs and joins them, hearing any one of the two streams of each."""
    result = history(taken)
    for pick in (min, max):
        pairs: dict[tuple[str, str], int] = defaultdict(int)
        for person, stream in result.streams.items():
            for event in (decode(fact.type, fact.data) for fact in stream):
                assert isinstance(event, PersonMerged | PersonSplit)
                if person == pick(event.canonical, event.alias):
                    pairs[(event.canonical, event.alias)] += 1 if isinstance(event, PersonMerged) else -1
        assert set(pairs.values()) <= {0, 1}
        table = {alias: canonical for (canonical, alias), count in pairs.items() if count}
        assert table == result.aliases.table()


@given(steps)
def test_each_change_is_told_in_both_streams_and_nowhere_else(taken: list[Step]) -> None:
    for person, stream in history(taken).streams.items():
        for event in (decode(fact.type, fact.data) for fact in stream):
            assert isinstance(event, PersonMerged | PersonSplit)
            assert person in {event.canonical, event.alias}


@given(st.integers(1, UNION_PEOPLE_MAX + 3), st.integers(1, UNION_PEOPLE_MAX + 3))
def test_a_union_is_bounded(one_size: int, other_size: int) -> None:
    people = [PersonId(f"prs_{number:03}") for number in range(one_size + other_size)]
    members = frozenset(Member(START, person, "account") for person in people)
    ones, others = people[:one_size], people[one_size:]
    edges = [Edge(f"a{a}{b}", a, b) for side in (ones, others) for a, b in itertools.pairwise(side)]
    aliases = Aliases(members, frozenset(edges))
    bridge = Edge("bridge", ones[0], others[0])
    if one_size + other_size > UNION_PEOPLE_MAX:
        with pytest.raises(UnionTooLarge):
            aliases.merged(bridge)
    else:
        assert len(aliases.merged(bridge).union(ones[0])) == one_size + other_size

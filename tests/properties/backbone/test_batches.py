"""Where a stream stands is a function of its facts: however they are cut into batches, it comes to the same."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from shared.events.fact import Fact
from shared.events.learning_events import StatementRecorded
from shared.runtime.batch import Batch, by_stream, decide
from shared.runtime.positions import NOWHERE, Park, StreamKey
from shared.runtime.stream_rules import Position

from .facts import erasure, fact

TYPES = frozenset({StatementRecorded.type})
Outcome = tuple[dict[StreamKey, Position], dict[StreamKey, Park], list[tuple[str, int]], dict[StreamKey, int]]


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Two streams with broken, erased and erasing facts in them."""
    kinds = st.lists(st.sampled_from(["sound", "sound", "sound", "broken", "erased", "erasure"]), max_size=10)
    return [
        _fact(subject, number, kind) for subject in ("ada", "bea") for number, kind in enumerate(draw(kinds), start=1)
    ]


def _fact(subject: str, number: int, kind: str) -> Fact:
    if kind == "erasure":
        return erasure(subject, number, number - 1)
    return fact(subject, number) if kind == "sound" else fact(subject, number, data=b"{}" if kind == "broken" else None)


def hear(batches: list[list[Fact]]) -> Outcome:
    positions: dict[StreamKey, Position] = {}
    parks: dict[StreamKey, Park] = {}
    applied: list[tuple[str, int]] = []
    erased: dict[StreamKey, int] = {}
    for facts in batches:
        batch = Batch()
        for key, arrived in by_stream(facts).items():
            batch.add(key, arrived, TYPES)
        decision = decide(batch, positions, TYPES)
        applied += [(heard.fact.subject, heard.fact.number) for heard in decision.ready]
        erased |= decision.erased
        for key in decision.last.keys() | decision.parks.keys():
            last, before = decision.last.get(key), positions.get(key, NOWHERE)
            number, fact_id = (last.number, last.id) if last else (before.number, before.fact_id)
            positions[key] = Position(number, fact_id, key in decision.parks)
        parks |= decision.parks
    return positions, parks, sorted(applied), erased


@given(histories(), st.randoms(use_true_random=False), st.lists(st.integers(0, 20), max_size=6))
def test_any_cut_into_batches_comes_to_the_same(history: list[Fact], chance: random.Random, cuts: list[int]) -> None:
    """Facts of the two streams are interleaved in any way; within a stream their order holds, as on a partition."""
    streams = [list(facts) for facts in by_stream(history).values()]
    mixed: list[Fact] = []
    while any(streams):
        mixed.append(chance.choice([stream for stream in streams if stream]).pop(0))
    edges = sorted({min(cut, len(mixed)) for cut in cuts} | {0, len(mixed)})
    batches = [mixed[start:end] for start, end in itertools.pairwise(edges)]
    assert hear(batches) == hear([history])


@given(histories())
def test_a_batch_taken_apart_comes_to_the_same(history: list[Fact]) -> None:
    whole = Batch()
    for key, facts in by_stream(history).items():
        whole.add(key, facts, TYPES)
    by_fact = [
        fact for part in whole.apart() for single in part.apart() for facts in single.streams.values() for fact in facts
    ]
    assert hear([[one] for one in by_fact]) == hear([history])


@given(histories())
def test_an_erased_fact_is_applied_without_an_event(history: list[Fact]) -> None:
    batch = Batch()
    for key, facts in by_stream(history).items():
        batch.add(key, facts, TYPES)
    for heard in decide(batch, {}, TYPES).ready:
        assert (heard.event is None) == heard.fact.is_erased

"""Rules that hold for every history of streams, however it is cut into appends."""

from __future__ import annotations

import json
import random
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.record_log.domain.event import MAIN, RecordEvent, fact_event, record_event, stream_of
from services.record_log.domain.global_log import extend
from services.record_log.domain.opening import open_stream
from services.record_log.domain.proofs import open_entry, stream_path
from services.record_log.domain.stream import Appended, append
from shared.events.fact import Fact
from shared.kernel import canonical_json
from shared.kernel.canonical_json import JsonValue
from shared.kernel.clock import parse_rfc3339, rfc3339
from shared.kernel.errors import Rejected
from shared.kernel.ids import FactId, PersonId, Subject
from shared.kernel.merkle import Frontier, Tree, leaf_hash, verify_consistency, verify_inclusion
from shared.kernel.record_leaf import HeadLeaf, event_leaf, tag_commitment
from shared.kernel.tree_shape import Node

NOW = parse_rfc3339("2026-11-23T12:00:00Z")
PERSON = PersonId("prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC")

seeds = st.integers(0, 2**32 - 1)
cuts = st.lists(st.integers(1, 5), min_size=1, max_size=8)


def grown(cut: list[int], seed: int) -> list[Appended]:
    """Return a stream's appends, of as many events each as `cut` says."""
    randomness = random.Random(seed).randbytes
    state, appends, number = open_stream(PERSON, MAIN, NOW, randomness).state, [], 0
    for count in cut:
        batch = [RecordEvent("s", str(n), "kind", f"{n}".encode()) for n in range(number, number + count)]
        appends.append(append(state, batch, randomness))
        state, number = appends[-1].state, number + count
    return appends


@given(cuts, seeds)
def test_every_entry_is_proved_under_every_head_that_covers_it(cut: list[int], seed: int) -> None:
    appends = grown(cut, seed)
    entries = [entry for each in appends for entry in each.entries]
    tree = Tree(leaf_hash(entry.leaf) for entry in entries)
    for each in appends:
        head = HeadLeaf.decode(each.head.leaf)
        for entry in entries[: head.size]:
            path = stream_path(entry.index, each.head.leaf, tree.fetch)
            verify_inclusion(leaf_hash(entry.leaf), entry.index, head.size, path, head.root)


@given(cuts, seeds)
def test_the_heads_form_one_chain_of_growing_trees(cut: list[int], seed: int) -> None:
    appends = grown(cut, seed)
    tree = Tree(leaf_hash(entry.leaf) for each in appends for entry in each.entries)
    for earlier, later in pairwise(appends):
        old, new = HeadLeaf.decode(earlier.head.leaf), HeadLeaf.decode(later.head.leaf)
        assert old.next_tag == tag_commitment(earlier.head.blind, new.tag)
        verify_consistency(old.size, new.size, old.root, new.root, tree.consistency_proof(old.size, new.size))


@given(cuts, seeds)
def test_the_nodes_told_are_all_a_table_needs_to_prove_from(cut: list[int], seed: int) -> None:
    appends = grown(cut, seed)
    table = {node: value for each in appends for node, value in each.nodes}
    tree = Tree(leaf_hash(entry.leaf) for each in appends for entry in each.entries)
    last = appends[-1].head.leaf
    for index in range(tree.size):
        from_table = stream_path(index, last, lambda level, position: table[Node(level, position)])
        assert from_table == tree.inclusion_proof(index)


@given(cuts, seeds)
def test_no_two_leaves_or_heads_share_any_secret(cut: list[int], seed: int) -> None:
    appends = grown(cut, seed)
    entries = [entry for each in appends for entry in each.entries]
    salts = [salt for entry in entries for salt in (entry.kind_salt, entry.event_salt)]
    heads = [secret for each in appends for secret in (each.head.blind, each.head.next_tag)]
    assert len({*salts, *heads}) == len(salts) + len(heads)
    # Public parts of two heads have nothing in common but what their trees have.
    tags = [HeadLeaf.decode(each.head.leaf).tag for each in appends]
    assert len(set(tags)) == len(tags)


@given(cuts, seeds, st.integers(0, 39))
def test_erasing_one_entry_leaves_every_other_proof_as_it_was(cut: list[int], seed: int, which: int) -> None:
    appends = grown(cut, seed)
    entries = [entry for each in appends for entry in each.entries]
    erased = which % len(entries)
    tree = Tree(leaf_hash(entry.leaf) for entry in entries)
    last = appends[-1].head.leaf
    head = HeadLeaf.decode(last)
    for entry in entries[:erased] + entries[erased + 1 :]:
        opening = open_entry(entry)
        leaf = event_leaf(opening.kind_salt, opening.event.kind, opening.event_salt, opening.event.canonical)
        path = stream_path(entry.index, last, tree.fetch)
        verify_inclusion(leaf_hash(leaf), entry.index, head.size, path, head.root)


@given(st.lists(cuts, min_size=1, max_size=3), seeds)
def test_the_log_over_many_streams_is_the_tree_of_their_heads(streams: list[list[int]], seed: int) -> None:
    heads = [each.head.leaf for number, cut in enumerate(streams) for each in grown(cut, seed + number)]
    log = Frontier()
    table: dict[tuple[int, int], bytes] = {}
    for leaf in heads:
        extended = extend(log, [leaf])
        log = extended.frontier
        table |= dict(extended.nodes)
    tree = Tree(leaf_hash(leaf) for leaf in heads)
    assert log.root() == tree.root()
    assert all(table[0, index] == leaf_hash(leaf) for index, leaf in enumerate(heads))


texts = st.text(max_size=12)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=4), st.integers(1, 2**40))
def test_an_event_read_back_from_its_canonical_form_has_the_same_form(data: dict[str, JsonValue], number: int) -> None:
    attributes = {
        "specversion": "1.0",
        "id": "i",
        "source": "s",
        "type": "t",
        "subject": "p",
        "time": rfc3339(NOW),
        "recordedtime": rfc3339(NOW),
        "sequence": str(number),
    }
    canonical = record_event(attributes, data).canonical
    assert canonical_json.dumps(canonical_json.loads(canonical)) == canonical


@given(st.dictionaries(texts, values, max_size=4), texts, st.none() | texts, st.integers(0, 2**40), st.booleans())
def test_a_fact_s_event_is_that_of_its_attributes_and_data_whatever_their_spelling(
    data: dict[str, JsonValue], subject: str, organisation: str | None, number: int, is_canonical: bool
) -> None:
    raw = canonical_json.dumps(data) if is_canonical else json.dumps(data, indent=1).encode()
    fact = Fact(FactId("i"), "s", Subject(subject), number, "t", NOW, NOW, organisation, raw)
    try:
        expected = record_event(fact.attributes(), canonical_json.loads(raw))
    except Rejected as error:
        with pytest.raises(Rejected, match=re.escape(str(error))):
            fact_event(fact)
    else:
        assert fact_event(fact) == (stream_of(data), expected)

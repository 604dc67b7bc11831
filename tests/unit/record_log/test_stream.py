"""A stream grows by events, shows one head for each growth, and starts where its opening says."""

from __future__ import annotations

import random
from typing import Any

import pytest

from services.record_log.domain.event import MAIN, RecordEvent, StreamName
from services.record_log.domain.opening import STREAM_OPENED, open_stream
from services.record_log.domain.proofs import open_entry
from services.record_log.domain.stream import append
from shared.kernel import canonical_json
from shared.kernel.clock import parse_rfc3339
from shared.kernel.errors import Broken
from shared.kernel.hashing import opens
from shared.kernel.ids import PersonId
from shared.kernel.merkle import Tree, leaf_hash
from shared.kernel.record_leaf import HeadLeaf, event_leaf, opens_kind, tag_commitment

NOW = parse_rfc3339("2026-11-23T12:00:00Z")
PERSON = PersonId("prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC")


def events(*names: str) -> list[RecordEvent]:
    return [RecordEvent("s", name, f"kind-{name}", f'{{"n":"{name}"}}'.encode()) for name in names]


def test_the_opening_event_of_the_golden_case_has_its_golden_bytes() -> None:
    opened = open_stream(PERSON, MAIN, NOW, lambda size: b"\x07" * size, holder=None)
    commitment = tag_commitment(b"\x07" * 32, b"\x07" * 32).hex()
    assert (
        opened.event.canonical
        == (
            f'{{"data":{{"first_tag":"{commitment}","holder":null,"stream":"main"}},"id":"{PERSON}/main",'
            f'"source":"record_log","specversion":"1.0","subject":"{PERSON}","time":"2026-11-23T12:00:00.000000Z",'
            f'"type":"deedlog.record-log.stream-opened.v1"}}'
        ).encode()
    )


def test_the_first_head_carries_the_tag_the_opening_event_bound() -> None:
    opened = open_stream(PERSON, MAIN, NOW, random.Random(1).randbytes, holder="z6Mk")
    head = HeadLeaf.decode(append(opened.state, [opened.event], random.Random(2).randbytes).head.leaf)
    event: Any = canonical_json.loads(opened.event.canonical)
    data = event["data"]
    assert opens(bytes.fromhex(data["first_tag"]), opened.first_blind, head.tag)
    assert data["holder"] == "z6Mk"
    assert opened.event.kind == STREAM_OPENED


def test_the_opening_of_a_project_s_stream_goes_into_the_main_stream_under_other_salts() -> None:
    randomness = random.Random(1).randbytes
    main = open_stream(PERSON, MAIN, NOW, randomness)
    project = open_stream(PERSON, StreamName("prj_1"), NOW, randomness)
    in_main = append(main.state, [main.event, project.event], randomness)
    in_project = append(project.state, [project.event], randomness)
    assert in_main.entries[1].event == in_project.entries[0].event
    assert in_main.entries[1].leaf != in_project.entries[0].leaf


def test_an_append_gives_an_entry_an_event_and_one_head_for_all() -> None:
    state = open_stream(PERSON, MAIN, NOW, random.Random(1).randbytes).state
    first = append(state, events("a", "b"), random.Random(2).randbytes)
    second = append(first.state, events("c"), random.Random(3).randbytes)
    assert [entry.index for entry in (*first.entries, *second.entries)] == [0, 1, 2]
    assert (first.head.size, second.head.size) == (2, 3)
    tree = Tree(leaf_hash(entry.leaf) for entry in (*first.entries, *second.entries))
    assert HeadLeaf.decode(first.head.leaf).root == tree.root(2)
    assert HeadLeaf.decode(second.head.leaf).root == tree.root(3)


def test_each_head_carries_the_tag_the_head_before_it_fixed() -> None:
    state = open_stream(PERSON, MAIN, NOW, random.Random(1).randbytes).state
    first = append(state, events("a"), random.Random(2).randbytes)
    second = append(first.state, events("b"), random.Random(3).randbytes)
    earlier, later = HeadLeaf.decode(first.head.leaf), HeadLeaf.decode(second.head.leaf)
    assert later.tag == first.head.next_tag
    assert earlier.next_tag == tag_commitment(first.head.blind, later.tag)
    assert earlier.tag == state.next_tag


def test_an_entry_is_opened_by_its_salts_and_its_kind_by_one_of_them() -> None:
    state = open_stream(PERSON, MAIN, NOW, random.Random(1).randbytes).state
    entry = append(state, events("a"), random.Random(2).randbytes).entries[0]
    opening = open_entry(entry)
    assert event_leaf(opening.kind_salt, "kind-a", opening.event_salt, b'{"n":"a"}') == entry.leaf
    assert opens_kind(entry.leaf, opening.kind_salt, "kind-a")


def test_an_entry_whose_row_was_altered_is_not_opened() -> None:
    state = open_stream(PERSON, MAIN, NOW, random.Random(1).randbytes).state
    entry = append(state, events("a"), random.Random(2).randbytes).entries[0]
    for altered in (
        entry._replace(event=events("b")[0]),
        entry._replace(event_salt=bytes(32)),
        entry._replace(leaf=bytes(64)),
    ):
        with pytest.raises(Broken, match="do not open its leaf"):
            open_entry(altered)


def test_an_append_of_nothing_is_refused() -> None:
    state = open_stream(PERSON, MAIN, NOW, random.Random(1).randbytes).state
    with pytest.raises(ValueError, match="at least one event"):
        append(state, [], random.Random(2).randbytes)

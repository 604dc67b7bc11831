"""A batch of facts grows the streams it must, opens those that are missing, and keeps the order of what was told."""

from __future__ import annotations

import random
from typing import Any

import pytest

from services.record_log.domain.event import MAIN, StreamName
from services.record_log.domain.opening import STREAM_OPENED, StreamState
from services.record_log.domain.recording import Grown, StreamId, drawn_at_once, grow, is_recorded, streams_needed, told
from shared.events.fact import Fact
from shared.kernel import canonical_json
from shared.kernel.clock import parse_rfc3339
from shared.kernel.errors import Broken, Rejected
from shared.kernel.ids import FactId, PersonId, Subject

NOW = parse_rfc3339("2026-11-23T12:00:00Z")
ADA = PersonId("prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC")
BEA = PersonId("prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAD")


def fact(number: int, subject: str = ADA, project: str | None = None, data: bytes | None = b"") -> Fact:
    body = canonical_json.dumps({"n": number} if project is None else {"n": number, "project": project})
    fact_id = FactId(f"01937a00-0000-7000-8000-{number:012d}")
    return Fact(fact_id, "s", Subject(subject), number, "t", NOW, NOW, None, body if data == b"" else data)


def grown(known: dict[StreamId, StreamState], *facts: Fact) -> dict[StreamId, Grown]:
    result = grow(known, [told(each) for each in facts], NOW, random.Random(1).randbytes)
    known |= {each.stream: each.appended.state for each in result}
    return {each.stream: each for each in result}


def kinds(each: Grown) -> list[str]:
    return [entry.event.kind for entry in each.appended.entries]


def test_facts_about_people_are_recorded_and_no_others() -> None:
    assert is_recorded(fact(1))
    assert not is_recorded(fact(1, "org_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC"))
    assert not is_recorded(fact(1, "127.0.0.1:8484/log"))


def test_a_person_s_first_fact_opens_their_main_stream() -> None:
    (main,) = grown({}, fact(1)).values()
    assert (main.stream, kinds(main), main.numbers) == (StreamId(ADA, MAIN), [STREAM_OPENED, "t"], (None, 1))
    assert main.first_blind is not None


def test_a_project_s_first_fact_opens_both_streams_and_enters_main_by_its_opening() -> None:
    result = grown({}, fact(1, project="prj_1"))
    main, project = result[StreamId(ADA, MAIN)], result[StreamId(ADA, StreamName("prj_1"))]
    assert kinds(main) == [STREAM_OPENED, STREAM_OPENED]
    assert kinds(project) == [STREAM_OPENED, "t"]
    assert main.appended.entries[1].event == project.appended.entries[0].event
    assert main.appended.entries[1].leaf != project.appended.entries[0].leaf


def test_a_stream_that_is_open_is_not_opened_again_and_only_what_grows_gets_a_head() -> None:
    known: dict[StreamId, StreamState] = {}
    grown(known, fact(1, project="prj_1"))
    (project,) = grown(known, fact(2, project="prj_1"), fact(3, project="prj_1")).values()
    assert (project.stream.name, project.first_blind, project.numbers) == ("prj_1", None, (2, 3))
    assert project.appended.head.size == 4


def test_each_person_has_streams_of_their_own() -> None:
    result = grown({}, fact(1), fact(1, BEA), fact(2))
    assert result[StreamId(ADA, MAIN)].numbers == (None, 1, 2)
    assert result[StreamId(BEA, MAIN)].numbers == (None, 1)


def test_the_main_stream_is_needed_wherever_a_project_may_have_to_be_opened() -> None:
    assert streams_needed([told(fact(1, project="prj_1"))]) == {
        StreamId(ADA, MAIN),
        StreamId(ADA, StreamName("prj_1")),
    }


def test_a_fact_that_was_erased_before_it_was_heard_enters_main_without_its_data() -> None:
    entered = told(fact(1, project="prj_1")._replace(data=None))
    event: Any = canonical_json.loads(entered.event.canonical)
    assert (entered.stream.name, event["data"], event["id"]) == (MAIN, None, fact(1).id)


@pytest.mark.parametrize("data", [b"[]", b"1", b"{", b'{"a":1,"a":2}'])
def test_data_that_are_no_strict_object_are_refused(data: bytes) -> None:
    with pytest.raises(Rejected):
        told(fact(1, data=data))


@pytest.mark.parametrize("cut", range(1, 7))
def test_however_facts_come_in_batches_the_streams_hold_the_same_events_in_the_same_order(cut: int) -> None:
    facts = [fact(number, project="prj_1" if number % 2 else None) for number in range(1, 8)]
    known: dict[StreamId, StreamState] = {}
    numbers: dict[StreamId, list[int]] = {}
    for batch in (facts[:cut], facts[cut:]):
        for stream, each in grown(known, *batch).items():
            numbers.setdefault(stream, []).extend(number for number in each.numbers if number is not None)
    assert numbers[StreamId(ADA, MAIN)] == [2, 4, 6]
    assert numbers[StreamId(ADA, StreamName("prj_1"))] == [1, 3, 5, 7]
    assert {stream.name: state.frontier.size for stream, state in known.items()} == {"main": 5, "prj_1": 5}


def test_no_random_byte_of_a_batch_is_used_twice() -> None:
    given_out: list[bytes] = []

    def source(count: int) -> bytes:
        given_out.append(random.Random(len(given_out)).randbytes(count))
        return given_out[-1]

    entered = [told(fact(number, who)) for number, who in enumerate([ADA, BEA, ADA, ADA], 1)]
    used = [
        piece
        for each in grow({}, entered, NOW, source)
        for piece in (
            *(salt for entry in each.appended.entries for salt in (entry.kind_salt, entry.event_salt)),
            each.appended.head.blind,
            each.appended.head.next_tag,
        )
    ]
    assert b"".join(used) == given_out[-1]
    assert len(set(used)) == len(used) == 2 * (4 + 2) + 2 * 2


def test_random_bytes_that_are_used_up_are_not_stretched() -> None:
    cut = drawn_at_once(random.Random(1).randbytes, 48)
    assert cut(16) + cut(32) == random.Random(1).randbytes(48)
    with pytest.raises(Broken):
        cut(1)

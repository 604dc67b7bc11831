"""Lines are cut the same however the bytes come, and each is read as what it says it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.batch import ReceivedStatement, RefusedStatement
from services.learning_events.domain.formats import is_uuid
from services.learning_events.domain.import_line import Line, Lines, line_id, read_line
from services.learning_events.domain.original import derived_id

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STATEMENT: dict[str, Any] = {
    "actor": {"mbox": "mailto:ada@example.org"},
    "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
    "object": {"id": "https://lms.example/questions/1"},
}


def cut(pieces: list[bytes], number: int = 0, end: int = 0, line_bytes_max: int = 1000) -> list[Line]:
    lines = Lines(number, end, line_bytes_max)
    found = [line for piece in pieces for line in lines.feed(piece)]
    return found + list(lines.finish())


@given(st.lists(st.sampled_from([b"{}", b"[1]", b"", b" \r", b"x" * 30]), max_size=8), st.data())
def test_lines_are_the_same_wherever_the_bytes_are_cut(texts: list[bytes], data: st.DataObject) -> None:
    whole = b"\n".join(texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    expected = [(number, text) for number, text in enumerate(texts, start=1) if text.strip()]
    found = cut(pieces, line_bytes_max=20)
    assert [line.number for line in found] == [number for number, _ in expected]
    assert [line.raw for line in found] == [text if len(text) <= 20 else None for _, text in expected]


@given(st.lists(st.sampled_from([b"{}", b"", b"long " * 9]), min_size=1, max_size=8), st.data())
def test_reading_goes_on_behind_any_line_as_if_it_had_not_stopped(texts: list[bytes], data: st.DataObject) -> None:
    whole = b"\n".join(texts) + b"\n"
    every = cut([whole])
    if not every:
        return
    last = data.draw(st.sampled_from(every))
    assert cut([whole[last.end :]], last.number, last.end) == [line for line in every if line.number > last.number]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert [line.raw for line in cut([b"\xef\xbb\xbf{}\n{}"])] == [b"{}", b"{}"]


def test_a_statement_without_an_id_is_given_the_same_one_each_time() -> None:
    line = Line(7, 0, json.dumps(STATEMENT).encode())
    first, second = (read_line(line, "imp_1", NOW) for _ in range(2))
    assert isinstance(first, ReceivedStatement)
    assert isinstance(second, ReceivedStatement)
    assert first.event.statement_id == second.event.statement_id == line_id("imp_1", 7)
    assert not first.has_own_id


@given(st.text(max_size=30), st.text(max_size=30), st.integers(1, 9**12), st.integers(1, 9**12))
def test_ids_of_lines_are_uuids_and_differ_by_import_and_line(one: str, other: str, first: int, second: int) -> None:
    assert is_uuid(line_id(one, first))
    assert {UUID(fresh).version for fresh in (line_id(one, first), derived_id(one, other))} == {5}
    assert (line_id(one, first) == line_id(other, second)) is ((one, first) == (other, second))


def test_a_line_that_is_no_json_is_refused_with_its_number() -> None:
    refused = read_line(Line(3, 0, b"{oops"), "imp_1", NOW)
    assert isinstance(refused, RefusedStatement)
    assert refused.index == 3
    assert refused.faults[0].mend


def test_a_line_over_the_bound_is_refused_without_being_held() -> None:
    refused = read_line(Line(1, 0, None), "imp_1", NOW)
    assert isinstance(refused, RefusedStatement)
    assert "8388608" in refused.faults[0].rule

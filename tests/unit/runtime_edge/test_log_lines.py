"""One event is one line of JSON, without secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.log_lines import LINE_BYTES_MAX, LineFormatter, configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    configure_logging("identity", "info", stream)
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)


def record(message: str, /, **extra: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": message, "levelname": "INFO", "name": "shared.test"})
    vars(made).update(extra)
    return made


@given(
    st.text(st.characters(), max_size=200),
    st.dictionaries(st.text(max_size=10), st.integers() | st.text(max_size=20), max_size=3),
)
def test_whatever_is_logged_is_one_line_of_json(message: str, extra: dict[str, Any]) -> None:
    known = {*vars(record("")), "message", "asctime"}  # logging itself refuses these names
    line = LineFormatter("identity").format(
        record(message.replace("%", ""), **{k: v for k, v in extra.items() if k not in known})
    )
    assert "\n" not in line
    assert json.loads(line)["service"] in {"identity", repr("identity")}


def test_a_line_names_event_service_level_and_what_was_added(stream: io.StringIO) -> None:
    logging.getLogger("shared.test").warning("a stream was parked", extra={"stream": "prs_1", "number": 7})
    line = json.loads(stream.getvalue())
    assert (line["event"], line["service"], line["level"]) == ("a stream was parked", "identity", "warning")
    assert (line["stream"], line["number"]) == ("prs_1", 7)
    assert line["at"].endswith("Z")


def test_what_is_likely_to_be_secret_or_personal_is_masked(stream: io.StringIO) -> None:
    logging.getLogger("shared.test").info("x", extra={"token": "hunter2", "email": "a@example.org"})
    assert "hunter2" not in stream.getvalue()
    assert "example.org" not in stream.getvalue()


def test_what_was_added_under_a_name_of_the_line_itself_stands_beside_it(stream: io.StringIO) -> None:
    logging.getLogger("shared.test").info("x", extra={"service": "another"})
    line = json.loads(stream.getvalue())
    assert (line["service"], line["service_"]) == ("identity", "another")


def test_an_error_is_told_with_its_trace_in_the_same_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("shared.test").exception("it failed")
    assert stream.getvalue().count("\n") == 1
    assert "ValueError: boom" in json.loads(stream.getvalue())["trace"]


def test_a_line_is_cut_at_its_bound() -> None:
    line = LineFormatter("identity").format(record("x" * 100_000, more="y" * 100_000))
    assert len(line.encode()) <= LINE_BYTES_MAX
    assert json.loads(line)["is_cut"] is True


def test_lines_below_the_level_are_left_out(stream: io.StringIO) -> None:
    logging.getLogger("shared.test").debug("too fine")
    assert stream.getvalue() == ""


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="'loud'"):
        configure_logging("identity", "loud")

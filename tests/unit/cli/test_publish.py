"""A file of statements is read in each form it comes in, and every statement can be sent again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.publish import read_statements
from cli.reviews import _mark
from shared.kernel.errors import Rejected

TWO = [{"id": "a", "verb": 1}, {"id": "b", "verb": 2}]


@pytest.mark.parametrize(
    ("name", "content", "count"),
    [
        ("one.json", json.dumps(TWO[0]).encode(), 1),
        ("array.json", json.dumps(TWO).encode(), 2),
        ("lines.jsonl", "\n\n".join(json.dumps(one) for one in TWO).encode(), 2),
        ("lines.jsonl.gz", gzip.compress("\n".join(json.dumps(one) for one in TWO).encode(), mtime=0), 2),
        ("none.json", b"[]", 0),
    ],
)
def test_each_form_of_file_is_read(tmp_path: Path, name: str, content: bytes, count: int) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert list(read_statements(file)) == TWO[:count]


def test_a_statement_without_an_id_gets_one_so_that_it_can_be_sent_again(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text('{"verb": 1}')
    (statement,) = read_statements(file)
    assert len(statement["id"]) == 36
    assert statement["verb"] == 1


@pytest.mark.parametrize("content", ['{"verb": 1}\n{"verb": ', "{'verb': 1}", "1\n2", '["text"]'])
def test_what_is_no_statement_is_refused_before_anything_is_sent(tmp_path: Path, content: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)
    with pytest.raises(Rejected):
        list(read_statements(file))


def test_the_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"verb": 1}\n{"verb": 2}\n{')
    with pytest.raises(Rejected, match="line 3"):
        list(read_statements(file))


def test_a_mark_is_a_criterion_and_a_number() -> None:
    assert _mark("monitoring=3") == {"criterion": "monitoring", "value": 3}


@given(st.text().filter(lambda text: not text.partition("=")[2].isdigit()))
def test_anything_else_is_no_mark(text: str) -> None:
    with pytest.raises(Rejected):
        _mark(text)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b'{"id": "1"}', mtime=0)[:-9]])
def test_a_file_that_is_no_whole_gzip_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "cut.json.gz"
    file.write_bytes(content)
    with pytest.raises(Rejected, match=r"cut\.json\.gz: it is no whole gzip file"):
        list(read_statements(file))

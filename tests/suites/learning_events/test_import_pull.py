"""A pull from another store ends, whatever the store does, with a sentence; broken off anywhere, it goes on."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from cli import import_pull
from cli.import_pull import ASKED_SECONDS_MAX, COUNTS, EMPTY_PAGES_MAX, TRIES, Note, Page, Pull, RecordStore, Take
from shared.kernel.errors import Rejected, Unavailable
from tests.suites.learning_events.record_store import RecordStoreDouble, serving
from tests.suites.learning_events.test_import_command import stored


class Taken:
    """Imports what is pulled: the ids of each line, in their order."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.names: list[str] = []

    def __call__(self, spool: BinaryIO, name: str) -> dict[str, Any]:
        spool.seek(0)
        lines = [json.loads(line) for line in spool.read().splitlines()]
        self.names.append(name)
        self.ids += [line["id"] for line in lines]
        return {"counts": {**dict.fromkeys(COUNTS, 0), "stored": len(lines)}}


@pytest.fixture
def double() -> RecordStoreDouble:
    return RecordStoreDouble(stored(60), page=10)


@pytest.fixture
def url(double: RecordStoreDouble) -> Iterator[str]:
    with serving(double) as address:
        yield address


def run(url: str, folder: Path, take: Take | None = None, slept: list[float] | None = None) -> Note:
    slept = [] if slept is None else slept
    with RecordStore(url, "reader", "secret", slept.append) as store:
        return Pull(store, folder, "reader").run(None, take or Taken(), lambda note: None)


def answering(double: RecordStoreDouble, answers: list[tuple[int, Any]]) -> None:
    """Have it answer these first, and as ever afterwards."""
    ever = double.answer

    def answer(path: str, authorization: str) -> tuple[int, Any]:
        if not answers:
            double.headers = {}
            return ever(path, authorization)
        double.asked.append(path)
        return answers.pop(0)

    double.answer = answer  # type: ignore[method-assign]


def test_a_store_that_asks_for_time_gets_it_and_the_pull_goes_on(
    double: RecordStoreDouble, url: str, tmp_path: Path
) -> None:
    double.headers = {"retry-after": "7"}
    answering(double, [(429, {}), (503, {})])
    taken, slept = Taken(), list[float]()
    assert run(url, tmp_path, taken, slept).statements == 60
    assert slept == [7.0, 7.0]
    assert taken.ids == [one["id"] for one in double.statements]


def test_a_store_that_asks_for_more_time_than_is_waited_is_come_back_to(
    double: RecordStoreDouble, url: str, tmp_path: Path
) -> None:
    double.headers = {"retry-after": str(int(ASKED_SECONDS_MAX) + 1)}
    answering(double, [(429, {})])
    slept = list[float]()
    with pytest.raises(Unavailable, match=r"left alone for 301 s .it answered 429.*goes on from here"):
        run(url, tmp_path, slept=slept)
    assert slept == []


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_store_that_only_fails_is_asked_a_few_times_ever_later_and_left(
    double: RecordStoreDouble, url: str, tmp_path: Path, status: int
) -> None:
    answering(double, [(status, {})] * 100)
    slept = list[float]()
    with pytest.raises(Unavailable, match=f"it answered {status}.*Run the same command again"):
        run(url, tmp_path, slept=slept)
    assert slept == [1.0, 2.0, 4.0, 8.0]
    assert len(double.asked) == TRIES


def test_a_store_that_is_not_there_is_named_as_such(tmp_path: Path) -> None:
    with serving(RecordStoreDouble([], 1)) as gone:
        pass
    with pytest.raises(Unavailable, match="ConnectError"):
        run(gone, tmp_path)


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_credentials_are_named_at_once(double: RecordStoreDouble, url: str, tmp_path: Path, status: int) -> None:
    answering(double, [(status, {})] * 100)
    with pytest.raises(Rejected, match=f"answered {status}.*may read there"):
        run(url, tmp_path)
    assert len(double.asked) == 1


def looping(kind: str) -> Callable[[int], dict[str, Any]]:
    pages = [stored(2), stored(2)]
    if kind == "to itself":
        return lambda number: {"statements": stored(2), "more": "/xapi/more?from=7"}
    if kind == "in a ring of three":
        return lambda number: {"statements": stored(2), "more": f"/xapi/more?from={number % 3}"}
    if kind == "by fresh links to the same pages":
        return lambda number: {"statements": pages[number % 2], "more": f"/xapi/more?from={number}"}
    return lambda number: {"statements": [], "more": f"/xapi/more?from={number}"}


@pytest.mark.parametrize(
    ("kind", "word", "asked_max"),
    [
        ("to itself", "circle", 3),
        ("in a ring of three", "circle", 5),
        ("by fresh links to the same pages", "circle", 4),
        ("over empty pages", "empty pages", EMPTY_PAGES_MAX + 2),
    ],
)
def test_links_that_lead_on_for_ever_are_left_with_a_sentence(
    double: RecordStoreDouble, url: str, tmp_path: Path, kind: str, word: str, asked_max: int
) -> None:
    page = looping(kind)
    double._from = lambda start: page(len(double.asked))  # type: ignore[method-assign]
    with pytest.raises(Rejected, match=word):
        run(url, tmp_path)
    assert len(double.asked) <= asked_max


def test_links_that_run_out_at_once_among_dense_statements_are_left_with_a_sentence(
    double: RecordStoreDouble, url: str, tmp_path: Path
) -> None:
    double.are_links_dead, double.page = True, 5  # ten seconds are pulled again, and hold more than a page
    with pytest.raises(Rejected, match="too dense"):
        run(url, tmp_path)
    assert len(double.asked) < 10


class Broken(Exception):
    """Stands for the death of the process."""


class Fuse:
    """Breaks at the act of a number: before or after a page is read, noted or imported."""

    def __init__(self, at: int) -> None:
        self.left = at

    def act(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Broken


class Fused(Pull):
    """A pull that breaks."""

    fuse: Fuse

    def _pulled(self, note: Note, spool: BinaryIO) -> Note:
        self.fuse.act()
        return super()._pulled(note, spool)

    def _next_page(self, note: Note) -> Page:
        page = super()._next_page(note)
        self.fuse.act()
        return page

    def _keep(self, note: Note) -> None:
        self.fuse.act()
        super()._keep(note)
        self.fuse.act()


def test_broken_off_at_any_act_it_goes_on_with_nothing_lost_and_only_an_import_repeated(
    double: RecordStoreDouble, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_pull, "SEGMENT_BYTES", 6_000)  # some pages each
    expected = [one["id"] for one in double.statements]
    with RecordStore(url, "reader", "secret") as store:
        for at in range(200):
            taken, pull = Taken(), Fused(store, tmp_path / str(at), "reader")
            pull.fuse = Fuse(at)
            try:
                pull.run(None, taken, lambda note: None)
            except Broken:
                broken_off = len(taken.ids)
            else:
                assert at > 20
                return
            Pull(store, tmp_path / str(at), "reader").run(None, taken, lambda note: None)
            assert list(dict.fromkeys(taken.ids)) == expected
            assert len(taken.ids) - len(expected) <= broken_off
    raise AssertionError("it never ran to its end")


def test_a_disk_that_is_full_is_said_and_the_pull_goes_on_once_there_is_room(
    double: RecordStoreDouble, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match=r"No space left on device.*Make room there"):
            run(url, tmp_path)
    taken = Taken()
    run(url, tmp_path, taken)
    assert taken.ids == [one["id"] for one in double.statements]


def test_a_lost_file_of_what_was_pulled_begins_the_pull_anew(
    double: RecordStoreDouble, url: str, tmp_path: Path
) -> None:
    with RecordStore(url, "reader", "secret") as store:
        pull = Fused(store, tmp_path, "reader")
        pull.fuse = Fuse(9)
        with pytest.raises(Broken):
            pull.run(None, Taken(), lambda note: None)
    (file,) = tmp_path.glob("*.jsonl")
    assert file.stat().st_size > 0
    file.unlink()
    taken = Taken()
    assert run(url, tmp_path, taken).statements == 60
    assert taken.ids == [one["id"] for one in double.statements]


@pytest.mark.parametrize(
    "more",
    ["http://127.0.0.1:99999999/xapi", "http://[bad/xapi", "/xapi/more?from=\x7f\x00", "//evil.example/xapi/more"],
)
def test_a_link_that_is_no_address_or_leads_away_is_told_and_asked_for_by_nobody(
    double: RecordStoreDouble, url: str, tmp_path: Path, more: str
) -> None:
    answering(double, [(200, {"statements": stored(1), "more": more})])
    with pytest.raises(Rejected, match="link"):
        run(url, tmp_path)
    assert len(double.asked) == 1


def test_a_statement_with_half_a_character_does_not_stop_the_pull(
    double: RecordStoreDouble, url: str, tmp_path: Path
) -> None:
    double.statements[3]["note"] = "\ud800"
    taken = Taken()
    assert run(url, tmp_path, taken).statements == 60
    assert taken.ids == [one["id"] for one in double.statements]


def test_a_page_that_is_nested_without_end_is_no_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with RecordStore("http://127.0.0.1:1/xapi", "reader", "secret") as store:
        monkeypatch.setattr(store, "_read", lambda url: b'{"statements": ' + b"[" * 200_000)
        with pytest.raises(Rejected, match="no store of statements"):
            store.first(None)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_was_pulled_is_for_its_owner_alone_whatever_the_umask_and_whatever_it_was(
    double: RecordStoreDouble, url: str, tmp_path: Path, umask: int
) -> None:
    def modes(*_: object) -> dict[str, Any]:
        seen.extend(file.stat().st_mode & 0o777 for file in tmp_path.iterdir())
        return {"counts": dict.fromkeys(COUNTS, 0)}

    seen = list[int]()
    former = os.umask(umask)
    try:
        run(url, tmp_path, modes)
        (note,) = tmp_path.iterdir()
        for file in (note, note.with_suffix(".jsonl"), note.with_suffix(".new")):
            file.write_bytes(file.read_bytes() if file == note else b"")
            file.chmod(0o644)
        run(url, tmp_path, modes)
    finally:
        os.umask(former)
    assert seen == [0o600] * 4
    assert note.stat().st_mode & 0o777 == 0o600


def test_a_pull_gone_on_with_keeps_its_name_and_the_next_has_another(
    double: RecordStoreDouble, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_pull, "SEGMENT_BYTES", 6_000)
    taken = Taken()
    with RecordStore(url, "reader", "secret") as store:
        pull = Fused(store, tmp_path, "reader")
        pull.fuse = Fuse(15)
        with pytest.raises(Broken):
            pull.run(None, taken, lambda note: None)
    broken_off = set(taken.names)
    run(url, tmp_path, taken)
    assert len(broken_off) == 1
    assert set(taken.names) == broken_off
    run(url, tmp_path, taken)
    assert len(set(taken.names)) == 2
    assert "" not in taken.names

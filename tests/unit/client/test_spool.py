"""The spool keeps what it took, once, in order, within its bounds, for one client at a time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.client import spool_file
from shared.client.errors import ClientClosed, NotSendable, SpoolFailed, SpoolFull, SpoolInUse
from shared.client.item import BATCH_BYTES_MAX
from shared.client.progress import Reason, Refusal
from shared.client.spool import Spool
from tests.unit.client.made import event, item, statement, uuid_of

REFUSAL = Refusal("invalid", (Reason("/verb", "it is wrong", "Mend it."),))
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.spool"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    opened = Spool(path)
    yield opened
    opened.close()


def ids(spool: Spool) -> list[str]:
    return [one.item.id for one in spool.take(500, BATCH_BYTES_MAX)]


def refuse(spool: Spool, number: int = 1) -> None:
    spool.append([item(number=number)])
    (one,) = (each for each in spool.take(500, BATCH_BYTES_MAX) if each.item.id == uuid_of(number))
    spool.settle([], {one: REFUSAL})


def test_what_was_kept_is_there_for_the_next_client_in_order(path: Path) -> None:
    first = Spool(path)
    first.append([item(number=2), item(number=1)])
    first.append([item(number=3)])
    first.close()
    second = Spool(path)
    assert ids(second) == [uuid_of(2), uuid_of(1), uuid_of(3)]
    assert (second.waiting, second.refused) == (3, 0)
    second.close()


def test_what_was_delivered_leaves_and_gives_its_room_back(path: Path) -> None:
    spool = Spool(path, items_max=2)
    spool.append([item(number=1), item(number=2)])
    with pytest.raises(SpoolFull, match="2 items wait and 0 were refused"):
        spool.append([item(number=3)])
    spool.settle(spool.take(1, BATCH_BYTES_MAX), {})
    spool.append([item(number=3)])
    assert ids(spool) == [uuid_of(2), uuid_of(3)]
    spool.close()


def test_the_bound_in_bytes_holds_to_the_byte_and_over_a_restart(path: Path) -> None:
    size = len(item().body)
    spool = Spool(path, bytes_max=2 * size)
    spool.append([item(number=1), item(number=2)])
    spool.close()
    again = Spool(path, bytes_max=2 * size)
    with pytest.raises(SpoolFull):
        again.append([item(number=3)])
    again.close()


def test_of_many_that_do_not_fit_none_is_kept(path: Path) -> None:
    spool = Spool(path, items_max=2)
    with pytest.raises(SpoolFull):
        spool.append([item(number=number) for number in (1, 2, 3)])
    assert ids(spool) == []
    assert spool.waiting == 0
    spool.close()


def test_what_waits_already_is_not_kept_twice(spool: Spool) -> None:
    spool.append([item()])
    spool.append([item(), item()])
    assert spool.waiting == 1
    stamped = {name: value for name, value in statement().items() if name != "timestamp"}
    spool.append([item(stamped)])
    assert ids(spool) == [uuid_of(1)]


def test_another_item_under_an_id_that_waits_is_refused(spool: Spool) -> None:
    spool.append([item()])
    for other in (statement(verb={"id": "urn:other"}), statement(timestamp="2026-03-02T00:00:00Z")):
        with pytest.raises(NotSendable, match="another item waits"):
            spool.append([item(other)])
    with pytest.raises(NotSendable, match="two items that differ"):
        spool.append([item(statement(5)), item(statement(5, verb={"id": "urn:other"}))])
    assert spool.waiting == 1


def test_events_of_two_sources_may_share_an_id(spool: Spool) -> None:
    spool.append([item(event(source="/a")), item(event(source="/b"))])
    assert spool.waiting == 2


def test_a_batch_is_of_one_form_and_within_its_bounds(spool: Spool) -> None:
    spool.append([item(number=1), item(number=2), item(event()), item(number=3)])
    assert [one.item.id for one in spool.take(500, BATCH_BYTES_MAX)] == [uuid_of(1), uuid_of(2)]
    assert len(spool.take(1, BATCH_BYTES_MAX)) == 1
    size = len(item().body)
    assert len(spool.take(500, 2 * size + 2)) == 2
    assert len(spool.take(500, 2 * size + 1)) == 1
    assert len(spool.take(500, 1)) == 1


def test_what_was_refused_is_put_aside_with_its_reasons_over_a_restart(path: Path) -> None:
    spool = Spool(path)
    refuse(spool)
    spool.close()
    again = Spool(path)
    (kept,) = again.refused_items(10)
    assert (kept.id, kept.source, kept.item, kept.refusal) == (uuid_of(1), "", statement(1), REFUSAL)
    assert ids(again) == []
    assert (again.waiting, again.refused) == (0, 1)
    again.close()


def test_what_was_refused_counts_to_the_bound_until_it_is_discarded(path: Path) -> None:
    spool = Spool(path, items_max=1)
    refuse(spool)
    with pytest.raises(SpoolFull, match="0 items wait and 1 were refused"):
        spool.append([item(number=2)])
    spool.discard(uuid_of(1), "")
    spool.append([item(number=2)])
    spool.close()


def test_a_refused_item_waits_again_mended_at_the_end(spool: Spool) -> None:
    refuse(spool)
    spool.append([item(number=2)])
    spool.replace(uuid_of(1), "", item(statement(1, verb={"id": "urn:mended"})))
    assert ids(spool) == [uuid_of(2), uuid_of(1)]
    assert spool.refused == 0


def test_a_refused_item_may_be_mended_under_another_id_and_may_be_resent_as_it_was(spool: Spool) -> None:
    refuse(spool, 1)
    refuse(spool, 2)
    spool.replace(uuid_of(1), "", item(number=7))
    spool.replace(uuid_of(2), "", None)
    assert ids(spool) == [uuid_of(7), uuid_of(2)]


def test_a_mend_under_the_id_of_another_that_waits_changes_nothing(spool: Spool) -> None:
    refuse(spool)
    spool.append([item(number=2)])
    with pytest.raises(NotSendable, match="another item waits"):
        spool.replace(uuid_of(1), "", item(number=2))
    assert (spool.waiting, spool.refused) == (1, 1)


def test_what_was_refused_is_not_sent_again_by_accident(spool: Spool) -> None:
    refuse(spool)
    with pytest.raises(NotSendable, match="resend"):
        spool.append([item()])


def test_only_what_was_refused_can_be_resent_or_discarded(spool: Spool) -> None:
    spool.append([item()])
    for number in (1, 2):
        with pytest.raises(KeyError):
            spool.replace(uuid_of(number), "", None)
        with pytest.raises(KeyError):
            spool.discard(uuid_of(number), "")


def test_settled_means_that_nothing_sent_before_waits(spool: Spool) -> None:
    assert spool.is_settled(spool.last_number())
    spool.append([item(number=1)])
    last = spool.last_number()
    assert not spool.is_settled(last)
    spool.append([item(number=2)])
    spool.settle(spool.take(1, BATCH_BYTES_MAX), {})
    assert spool.is_settled(last)
    assert not spool.is_settled(spool.last_number())


def test_a_second_client_of_the_file_is_told_so_in_this_process_and_in_another(spool: Spool, path: Path) -> None:
    with pytest.raises(SpoolInUse, match="in use by another client; give each process a spool file of its own"):
        Spool(path)
    code = f"from pathlib import Path\nfrom shared.client.spool import Spool\nSpool(Path({str(path)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert "SpoolInUse" in done.stderr
    spool.append([item()])


def test_the_file_is_readable_for_its_owner_only(spool: Spool, path: Path) -> None:
    spool.append([item()])
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at" * 40, b"x"])
def test_a_file_that_is_no_spool_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(SpoolFailed, match=r"events\.spool"):
        Spool(path)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(SpoolFailed, match="something else"):
        Spool(path)
    assert path.read_bytes() == before


def test_the_spool_of_a_newer_release_is_refused(path: Path) -> None:
    Spool(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 2")
    newer.close()
    with pytest.raises(SpoolFailed, match="has the form 2, this release reads 1"):
        Spool(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpoolFailed, match="nowhere"):
        Spool(tmp_path / "nowhere" / "events.spool")


def test_a_closed_spool_says_so(path: Path) -> None:
    spool = Spool(path)
    spool.close()
    spool.close()
    with pytest.raises(ClientClosed):
        spool.append([item()])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_can_neither_use_nor_harm_the_spool(path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
from shared.client import spool_file
from shared.client.spool import Spool
from shared.client.errors import ClientClosed
from tests.unit.client.made import item
spool = Spool(Path({str(path)!r}))
spool.append([item(number=1)])
if os.fork() == 0:
    try:
        spool.append([item(number=2)])
    except ClientClosed as error:
        assert "after it" in str(error)
        spool.close()
        sys.exit(7)
    sys.exit(1)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
spool.append([item(number=3)])
os._exit(0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    spool = Spool(path)
    assert ids(spool) == [uuid_of(1), uuid_of(3)]
    spool.close()


def test_an_emptied_spool_gives_the_disk_back(path: Path) -> None:
    spool = Spool(path, is_power_safe=False)
    for number in range(40):
        spool.append([item(statement(number, context={"platform": "x" * 100_000}))])
    while spool.waiting:
        spool.settle(spool.take(500, BATCH_BYTES_MAX), {})
    spool.close()
    assert path.stat().st_size < 500_000


def test_a_disk_that_is_full_is_said_and_what_was_kept_before_stays(path: Path) -> None:
    code = f"""
import resource
from pathlib import Path
from shared.client import spool_file
from shared.client.spool import Spool
from shared.client.errors import SpoolFailed
from tests.unit.client.made import item, statement
spool = Spool(Path({str(path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
kept = 0
try:
    while kept < 100:
        spool.append([item(statement(kept, context={{"platform": "x" * 20_000}}))])
        kept += 1
except SpoolFailed as error:
    assert "cannot be used" in str(error), error
assert spool.waiting == kept == len(spool.take(500, 1 << 20)), (spool.waiting, kept)
print(kept)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    spool = Spool(path)
    assert 0 < spool.waiting == int(done.stdout) < 100
    spool.close()


def test_a_damaged_file_is_named_with_what_to_do_and_what_is_whole_in_it_can_be_read(path: Path) -> None:
    spool = Spool(path)
    spool.append([item(statement(number, context={"platform": "x" * 3_000})) for number in range(50)])
    spool.close()
    whole = path.read_bytes()
    found: list[str] = []
    for start in range(4_096, len(whole), 4_096):
        path.write_bytes(whole[:start] + b"\xa5" * 4_096 + whole[start + 4_096 :])
        try:
            with contextlib.closing(Spool(path)) as damaged:
                damaged.take(500, BATCH_BYTES_MAX)
        except SpoolFailed as error:
            found.append(str(error))
    assert len(found) > len(whole) // 4_096 // 2
    assert all("The file is damaged: move it away" in one for one in found)
    path.write_bytes(whole)
    with sqlite3.connect(path) as reading:
        bodies = reading.execute("SELECT body FROM items").fetchall()
    assert len(bodies) == 50


def test_a_file_without_the_right_to_it_is_named_with_what_to_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Spool(path).close()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(spool_file, "_make", refused)
    with pytest.raises(SpoolFailed, match="may read and write the file"):
        Spool(path)

"""The spool: an SQLite file that holds what was sent until the server has it.

Durable on return: the file is in WAL mode with synchronous=FULL, so each write is flushed to the disk before the call
returns and survives the loss of power; with `is_power_safe=False` (synchronous=NORMAL) it survives the death of the
process only. One client holds the file, by SQLite's own exclusive lock, which ends with the process however it ends.

An item leaves when the server has taken it. Bounds count what waits and what was refused: nothing is dropped to make
room. Not safe for two threads at once; the clients see to that.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import NotSendable, SpoolFailed, SpoolFull, SpoolInUse
from .item import Item, spelled, without_time
from .progress import Refusal, RefusedItem
from .spool_file import SpoolFile, transaction

ITEMS_MAX: Final = 100_000
BYTES_MAX: Final = 256 << 20
"""256 MiB of items; the file is up to twice as large."""


_UNREACHED: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DISK: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
_DAMAGED_MEND: Final = (
    "The file is damaged: move it away with those beside it (-wal, -shm) and name a new one. What is whole in it can "
    'be read by sqlite3 FILE "SELECT body FROM items" and sent again: what had been delivered is a duplicate then.'
)


@dataclass(frozen=True, slots=True)
class Spooled:
    """An item that waits, with its number in the order of sending."""

    number: int
    item: Item


class Spool:
    """What was sent and is not delivered yet, in the order of sending."""

    def __init__(
        self, path: Path, items_max: int = ITEMS_MAX, bytes_max: int = BYTES_MAX, *, is_power_safe: bool = True
    ) -> None:
        """Hold the file, making it readable for this user only where it is missing. Raises SpoolInUse, SpoolFailed."""
        self._path = path
        self._items_max = items_max
        self._bytes_max = bytes_max
        with self._failing():
            self._file = SpoolFile(path, is_power_safe=is_power_safe)
            try:
                self._bytes, self.waiting, self.refused = self._counted()
            except BaseException:
                self._file.close()
                raise

    def append(self, items: Sequence[Item]) -> None:
        """Have all items durably kept, or none. One that waits already is not kept twice.

        Raises SpoolFull where they do not fit, NotSendable where another item waits under an id or it was refused.
        """
        connection = self._open()
        with self._failing(), transaction(connection):
            fresh = [item for item in _once(items) if not self._is_waiting(item)]
            size = sum(len(item.body) for item in fresh)
            self._check_room(len(fresh), size)
            _insert(connection, fresh)
        self._bytes += size
        self.waiting += len(fresh)

    def take(self, items_max: int, bytes_max: int) -> list[Spooled]:
        """Return the oldest items that wait, all statements or all events; with commas between within `bytes_max`.

        The first is returned whatever its size.
        """
        query = "SELECT number, id, source, body, is_stamped FROM items WHERE refusal IS NULL ORDER BY number LIMIT ?"
        taken: list[Spooled] = []
        size = 0
        with self._failing():
            for number, item_id, source, body, is_stamped in self._open().execute(query, (items_max,)):
                item = Item(item_id, source, body, bool(is_stamped))
                size += len(body) + 1
                if taken and (size > bytes_max or item.is_statement != taken[0].item.is_statement):
                    break
                taken.append(Spooled(number, item))
        return taken

    def settle(
        self, delivered: Iterable[Spooled], refused: Mapping[Spooled, Refusal], unstamped: Iterable[Spooled] = ()
    ) -> None:
        """Have durably noted what became of a batch: delivered items leave, refused ones are put aside.

        unstamped: items that wait on, without the instant that was put into them here.
        """
        gone = list(delivered)
        bare = [(spelled(without_time(one.item.body, is_statement=one.item.is_statement)), one) for one in unstamped]
        with self._failing(), transaction(self._open()) as connection:
            connection.executemany("DELETE FROM items WHERE number = ?", [(one.number,) for one in gone])
            rows = [(refusal.dumps(), one.number) for one, refusal in refused.items()]
            connection.executemany("UPDATE items SET refusal = ? WHERE number = ?", rows)
            changed = [(body, one.number) for body, one in bare]
            connection.executemany("UPDATE items SET body = ?, is_stamped = 0 WHERE number = ?", changed)
        self._bytes -= sum(len(one.item.body) for one in gone)
        self._bytes -= sum(len(one.item.body) - len(body) for body, one in bare)
        self.waiting -= len(gone) + len(refused)
        self.refused += len(refused)
        if not self.waiting:
            self._give_back()

    def refused_items(self, limit: int) -> list[RefusedItem]:
        """Return what was put aside and why, the oldest first."""
        query = "SELECT id, source, body, refusal FROM items WHERE refusal IS NOT NULL ORDER BY number LIMIT ?"
        with self._failing():
            rows = self._open().execute(query, (limit,)).fetchall()
        return [
            RefusedItem(item_id, source, json.loads(body), Refusal.loads(why)) for item_id, source, body, why in rows
        ]

    def replace(self, item_id: str, source: str, mended: Item | None) -> None:
        """Have a refused item wait again, as it was or mended, at the end. Raises KeyError where none is refused so."""
        with self._failing(), transaction(self._open()) as connection:
            kept = self._refused_body(item_id, source)
            item = mended or Item(item_id, source, kept, is_stamped=False)
            connection.execute("DELETE FROM items WHERE source = ? AND id = ?", (source, item_id))
            if self._is_waiting(item):
                raise NotSendable("/id", "another item waits under this id", "Give it an id of its own.")
            growth = len(item.body) - len(kept)
            if growth > 0:
                self._check_room(0, growth)
            _insert(connection, [item])
        self._bytes += growth
        self.refused -= 1
        self.waiting += 1

    def discard(self, item_id: str, source: str) -> None:
        """Have a refused item gone for good. Raises KeyError where none is refused under this id."""
        with self._failing(), transaction(self._open()) as connection:
            kept = self._refused_body(item_id, source)
            connection.execute("DELETE FROM items WHERE source = ? AND id = ?", (source, item_id))
        self._bytes -= len(kept)
        self.refused -= 1

    def last_number(self) -> int:
        """Return the highest number given so far; 0 where none was."""
        with self._failing():
            row = self._open().execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
        return int(row[0])

    def is_settled(self, number: int) -> bool:
        """Say whether nothing waits that was sent up to this number."""
        with self._failing():
            row = self._open().execute("SELECT min(number) FROM items WHERE refusal IS NULL").fetchone()
        return row[0] is None or row[0] > number

    def close(self) -> None:
        """Let the file go; what waits stays in it. Calling it again does nothing."""
        self._file.close()

    def _open(self) -> sqlite3.Connection:
        return self._file.connection

    def _counted(self) -> tuple[int, int, int]:
        query = "SELECT coalesce(sum(length(body)), 0), count(*), count(refusal) FROM items"
        size, count, refused = self._open().execute(query).fetchone()
        return size, count - refused, refused

    def _is_waiting(self, item: Item) -> bool:
        query = "SELECT body, is_stamped, refusal FROM items WHERE source = ? AND id = ?"
        kept = self._open().execute(query, (item.source, item.id)).fetchone()
        if kept is None:
            return False
        body, is_stamped, refusal = kept
        if refusal is not None:
            raise NotSendable("/id", "the item of this id was refused and put aside", "Mend it with resend().")
        if body != item.body and not ((is_stamped or item.is_stamped) and _is_same_but_for_time(body, item)):
            raise NotSendable("/id", "another item waits under this id", "Give each item an id of its own.")
        return True

    def _check_room(self, count: int, size: int) -> None:
        held = self.waiting + self.refused
        if held + count <= self._items_max and self._bytes + size <= self._bytes_max:
            return
        text = f"the spool is full: {self.waiting} items wait and {self.refused} were refused, {self._bytes} bytes"
        mend = "Wait for the delivery, resend() or discard() what was refused, or allow a larger spool."
        raise SpoolFull(f"{text}, where {self._items_max} items of {self._bytes_max} bytes are allowed. {mend}")

    def _refused_body(self, item_id: str, source: str) -> bytes:
        query = "SELECT body FROM items WHERE source = ? AND id = ? AND refusal IS NOT NULL"
        row = self._open().execute(query, (source, item_id)).fetchone()
        if row is None:
            raise KeyError(f"nothing was refused under the id {item_id}")
        return bytes(row[0])

    def _give_back(self) -> None:
        """Return the pages of what has left to the file system, up to about 4 MiB at a time."""
        with self._failing():
            self._open().executescript("PRAGMA incremental_vacuum(1000)")

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Raise what SQLite says as what the caller can do about it."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                text = f"the spool {self._path} is in use by another client; give each process a spool file of its own"
                raise SpoolInUse(text) from error
            raise SpoolFailed(f"the spool {self._path} cannot be used: {error}. {_mend(error)}") from error


def _mend(error: sqlite3.Error | OSError) -> str:
    """Return what to do about it. Whatever the fault, nothing of the call was kept, and all of earlier ones is."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if isinstance(error, OSError) or code in _UNREACHED:
        return "See that this user may read and write the file and its folder."
    if code in _DAMAGED:
        return _DAMAGED_MEND
    if code in _DISK:
        return "Make room on its disk, or look at it: what send() returned for stays, and goes on when it is mended."
    return "Look at its disk."


def _insert(connection: sqlite3.Connection, items: Iterable[Item]) -> None:
    rows = [(item.source, item.id, item.body, item.is_stamped) for item in items]
    connection.executemany("INSERT INTO items (source, id, body, is_stamped) VALUES (?, ?, ?, ?)", rows)


def _once(items: Sequence[Item]) -> list[Item]:
    """Return the items, each id once. Raises NotSendable where two differ under one id."""
    found: dict[tuple[str, str], Item] = {}
    for item in items:
        first = found.setdefault((item.source, item.id), item)
        if first.body != item.body:
            raise NotSendable("/id", "two items that differ have this id", "Give each item an id of its own.")
    return list(found.values())


def _is_same_but_for_time(body: bytes, item: Item) -> bool:
    return without_time(body, is_statement=item.is_statement) == without_time(item.body, is_statement=item.is_statement)

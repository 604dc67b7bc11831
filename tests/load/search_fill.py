"""Millions of statements for a bench, written by COPY as the service would have left them.

Indexes stand while rows come, and rows come in the order of arrival under random ids: so the indexes are as large as
those of a service that has taken the same statements.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.learning_events.domain import terms
from services.learning_events.store.search_index import term_key
from tests.suites.learning_events.house import HOME_PAGE, Platform

AGENTS: Final = 1_452
VERBS: Final = 8
ACTIVITIES: Final = 100
COURSES: Final = 10
REGISTRATIONS: Final = 5_000
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When the first transaction stored; each of the others a millisecond after the one before."""
CHUNK: Final = 50_000
"""Statements written in one transaction of the bench."""
FIRST_XID: Final = 1_000
STATEMENT_COLUMNS: Final = (
    "organisation", "id", "epoch", "xid", "place", "is_test", "key", "version", "stored_at", "fact_id", "original",
    "is_voiding",
)  # fmt: skip
SEARCHABLE_COLUMNS: Final = ("term", "stored_at", "xid", "epoch", "organisation", "places")


def agent(number: int) -> dict[str, Any]:
    """Return an agent of the bench."""
    return {"account": {"homePage": HOME_PAGE, "name": str(number)}}


def verb(number: int) -> str:
    """Return a verb of the bench."""
    return f"https://x.example/verbs/{number}"


def activity(number: int) -> str:
    """Return an Activity of the bench that is the object of statements."""
    return f"https://x.example/activities/{number}"


def course(number: int) -> str:
    """Return an Activity of the bench that stands in the context of statements."""
    return f"https://x.example/courses/{number}"


def registration(number: int) -> str:
    """Return a registration of the bench."""
    return str(uuid.UUID(int=number))


@dataclass
class Filling:
    """Writes statements of one key, `batch` a transaction; who did what and where varies as in real ones."""

    platform: Platform
    batch: int
    epoch: int
    _keys: dict[str, int] = field(default_factory=dict)

    def statements(self, start: int, end: int) -> Iterator[str]:
        """Yield the rows of these statements in COPY's text form."""
        head, tail = self._around()
        owner, key = self.platform.organisation, self.platform.key
        for number in range(start, end):
            at, place = divmod(number, self.batch)
            fresh = hashlib.blake2b(number.to_bytes(8), digest_size=16).hexdigest()
            who, what, where, course_, booked = _drawn(number)
            said = f'"{who}"{tail[0]}{course_}{tail[1]}{registration(booked)}{tail[2]}{where}{tail[3]}{what}{tail[4]}'
            begin = f"{owner}\t{fresh}\t{self.epoch}\t{FIRST_XID + at}\t{1 + place}\tf\t{key}\t2.0.0\t{_stored(at)}"
            yield f"{begin}\t{fresh}\t{head}{said}\tf\n"

    def searchable(self, start: int, end: int) -> Iterator[str]:
        """Yield the rows of what these statements are found by; start and end lie between transactions."""
        for first in range(start, end, self.batch):
            places: dict[int, list[str]] = {}
            for number in range(first, min(first + self.batch, end)):
                for key in self._terms(number):
                    places.setdefault(key, []).append(str(1 + number % self.batch))
            at = first // self.batch
            tail = f"\t{_stored(at)}\t{FIRST_XID + at}\t{self.epoch}\t{self.platform.organisation}\t{{"
            for key in sorted(places):
                yield f"{key}{tail}{','.join(places[key])}}}\n"

    def _terms(self, number: int) -> Iterator[int]:
        who, what, where, course_, booked = _drawn(number)
        name = f"account:{HOME_PAGE}|{who}"
        for text in (
            terms.ANY,
            terms.key_term(self.platform.key),
            terms.agent_term(name, is_broad=False),
            terms.agent_term(name, is_broad=True),
            terms.verb_term(verb(what)),
            terms.activity_term(activity(where), is_broad=False),
            terms.activity_term(activity(where), is_broad=True),
            terms.activity_term(course(course_), is_broad=True),
            terms.registration_term(registration(booked)),
        ):
            if text not in self._keys:
                self._keys[text] = term_key(self.platform.organisation, False, text)
            yield self._keys[text]

    def _around(self) -> tuple[str, list[str]]:
        """Return what stands before, between and behind what is drawn; about 900 bytes, as in real statements."""
        mark = "<drawn>"
        padding = {"https://x.example/padding": "x" * 540}
        parent = {"parent": [{"id": course(0)[:-1] + mark}]}
        whole = {
            "actor": {"account": {"homePage": HOME_PAGE, "name": mark}},
            "context": {"contextActivities": parent, "extensions": padding, "registration": mark},
            "object": {"id": activity(0)[:-1] + mark},
            "timestamp": "2026-03-01T09:30:00Z",
            "verb": {"id": verb(0)[:-1] + mark},
        }
        head, *tail = json.dumps(whole).split(mark)
        return head[:-1], [tail[0][1:], *tail[1:]]


async def fill(connection: Any, platform: Platform, statements: int, batch: int, say: Callable[[str], None]) -> float:
    """Have the statements written and known to the planner, and return the seconds it took. Says how far it is."""
    # Of the epoch before: their transactions are numbered beyond those that have been here, and are long over.
    epoch = await connection.fetchval("SELECT epoch - 1 FROM backbone.epochs")
    filling = Filling(platform, batch, epoch)
    chunk, begun_at = CHUNK - CHUNK % batch, time.perf_counter()
    for start in range(0, statements, chunk):
        end = min(start + chunk, statements)
        for table, columns, rows in (
            ("statements", STATEMENT_COLUMNS, filling.statements(start, end)),
            ("searchable", SEARCHABLE_COLUMNS, filling.searchable(start, end)),
        ):
            await connection.copy_to_table(table, source=_sent(rows), columns=columns, timeout=300)
        if end == statements or end % (10 * chunk) == 0:
            say(f"{end:,} of {statements:,} statements written in {time.perf_counter() - begun_at:.0f} s")
    await connection.execute("VACUUM ANALYZE statements, searchable", timeout=900)
    return time.perf_counter() - begun_at


async def _sent(rows: Iterator[str]) -> AsyncIterator[bytes]:
    """Yield the rows in parts of some 100 KB."""
    part: list[str] = []
    for row in rows:
        part.append(row)
        if len(part) == 200:
            yield "".join(part).encode()
            part = []
    yield "".join(part).encode()


def _drawn(number: int) -> tuple[int, int, int, int, int]:
    """Return the numbers of the agent, the verb, the Activity, the course and the registration of a statement."""
    who = number * 7919 % AGENTS
    return who, number * 31 % VERBS, number * 17 % ACTIVITIES, number * 13 % COURSES, number * 101 % REGISTRATIONS


def _stored(at: int) -> str:
    return (BEGIN + timedelta(milliseconds=at)).isoformat()

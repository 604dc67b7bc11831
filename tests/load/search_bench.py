"""How fast statements are found among a million, by each filter and by several at once, a page of 100 at a time.

    python -m tests.load.search_bench [--statements 1000000] [--batch 50] [--asked 40]

The statements are written by COPY as the service would have left them (`search_fill.py`): transactions of `batch`, with
who acted, what and where drawn as widely as in the real corpus. Questions go over HTTP to a running service, one at a
time. It prints, and judges nothing but that no question reads a whole table.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import asyncpg

from services.learning_events.domain import terms
from services.learning_events.domain.search import FOR_EVER, LAST, SINCE_EVER
from services.learning_events.handlers.searching import LOOKS
from services.learning_events.store import search
from services.learning_events.store.search_index import term_key
from shared.runtime.lifecycle import launch
from tests.load.disk import TableSize, size_lines, table_sizes
from tests.load.options import asked_for
from tests.load.search_fill import (
    ACTIVITIES,
    AGENTS,
    COURSES,
    REGISTRATIONS,
    VERBS,
    activity,
    agent,
    course,
    fill,
    registration,
    verb,
)
from tests.load.servers import servers
from tests.load.yardstick import Meter, line, machine, percentile
from tests.suites.learning_events.house import Platform, learning_events_house

GOAL_MS: Final = 50.0
PAGES: Final = 4
"""Pages that a question with a limit is asked for, each by the `more` of the one before."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many statements, how many a transaction, and how often each question is asked."""

    statements: int = 1_000_000
    batch: int = 50
    asked: int = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, asked several times. found: statements a page; here, postgres: milliseconds of processor.

    elsewhere: cores busy with other work meanwhile.
    """

    milliseconds: Sequence[float]
    found: float
    here: float
    postgres: float
    elsewhere: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured. plans: of searches by one term and by three, from Postgres. sizes: on disk, by table."""

    asked: Mapping[str, Asked]
    plans: Mapping[str, str]
    fill_seconds: float
    sizes: Mapping[str, TableSize]


def questions(number: int) -> dict[str, dict[str, Any]]:
    """Return what is asked in one round, by its name."""
    by = {"agent": json.dumps(agent(number * 37 % AGENTS))}
    doing, at = {"verb": verb(number % VERBS)}, {"activity": activity(number * 7 % ACTIVITIES)}
    within = {"activity": course(number % COURSES), "related_activities": "true"}
    booked = {"registration": registration(number * 101 % REGISTRATIONS)}
    common = {**by, **doing, **within}
    since, until = {"since": "2026-01-01T00:00:05Z"}, {"until": "2026-01-01T00:00:15Z"}
    return {
        "all": {},
        "agent": by,
        "agent anywhere": {**by, "related_agents": "true"},
        "verb": doing,
        "verb, oldest first": {**doing, "ascending": "true"},
        "activity": at,
        "course": within,
        "registration": booked,
        "verb and activity": {**doing, **at},
        "verb and course, until": {**doing, **within, **until},
        "agent and verb": {**by, **doing},
        "agent and course": {**by, **within},
        "all three, since": {**common, **since},
        "all three anywhere, between, oldest first": {
            **common, "related_agents": "true", **since, **until, "ascending": "true",
        },
        "all four, anywhere": {**common, **booked, "related_agents": "true"},
        "what nobody did": {"verb": verb(0), "activity": activity(1)},
        "what nobody did, oldest first": {"verb": verb(0), "activity": activity(1), **since, "ascending": "true"},
        f"{PAGES} pages of 25: verb and course": {**doing, **within, "limit": 25},
    }  # fmt: skip


async def measure(load: Load, say: Callable[[str], None] = print) -> Measured:
    """Return how fast statements are found on this machine, now. say: is told how far it is."""
    async with AsyncExitStack() as stack:
        under = await stack.enter_async_context(servers())
        house = await stack.enter_async_context(learning_events_house(under.postgres.admin_dsn, under.broker.address))
        platform = house.platform()
        connection = await asyncpg.connect(under.dsn("learning_events"))
        stack.push_async_callback(connection.close)
        fill_seconds = await fill(connection, platform, load.statements, load.batch, say)
        plans = await _plans(connection, platform)
        asked = await _asked(platform, under.postgres.pid, load, say)
        return Measured(asked, plans, fill_seconds, await table_sizes(connection, load.statements))


async def _asked(platform: Platform, postgres: int, load: Load, say: Callable[[str], None]) -> dict[str, Asked]:
    """Ask every question so often, after three times that do not count."""
    meter = Meter(alone={"here": os.getpid()}, trees={"postgres": postgres})
    asked = {}
    for name in questions(0):
        for number in range(-3, 0):
            await _pages(platform, questions(number)[name])
        before, spent, found = meter.read(), [], 0
        for number in range(load.asked):
            milliseconds, statements = await _pages(platform, questions(number)[name])
            spent += milliseconds
            found += statements
        cpu = meter.spent(before, len(spent))
        here, there = cpu.cpu_us_of("here") / 1e3, cpu.cpu_us_of("postgres") / 1e3
        asked[name] = Asked(spent, found / len(spent), here, there, cpu.elsewhere / cpu.seconds)
        say(f"asked: {name}")
    return asked


async def _pages(platform: Platform, question: dict[str, Any]) -> tuple[list[float], int]:
    """Return the milliseconds of each page, one or PAGES where the question has a limit, and what they hold."""
    path = f"/xapi/statements?{urlencode({'limit': 100, **question})}"
    spent, found = [], 0
    for _ in range(PAGES if "limit" in question else 1):
        asked_at = time.perf_counter()
        response = await platform.get(path)
        assert response.status_code == 200, response.text
        spent.append((time.perf_counter() - asked_at) * 1e3)
        page = response.json()
        found += len(page["statements"])
        path = page["more"]
        if not path:
            break
    return spent, found


async def _plans(connection: Any, platform: Platform) -> dict[str, str]:
    """Return how Postgres answers, for one term and for three, as the door's role."""
    plans = {}
    names = [terms.verb_term(verb(1)), terms.ANY, terms.key_term(platform.key)]
    keys = [term_key(platform.organisation, False, name) for name in names]
    await connection.execute("SET ROLE learning_events_door")
    await connection.execute("SELECT set_config('deedlog.organisation', $1, false)", platform.organisation)
    for others in (0, 2):
        bounds = (keys[0], SINCE_EVER, FOR_EVER, LAST.stored_at, str(LAST.xid), LOOKS[0], 101)
        rows = await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {search._rows(others, False)}", *bounds, *keys[1 : 1 + others]
        )
        plans[f"{others + 1} terms"] = "\n".join(row[0] for row in rows)
    return plans


def report(load: Load, measured: Measured) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    yield line("among", f"{load.statements:,} statements, {load.batch} a transaction; pages of 100 over HTTP")
    yield line("", f"written by COPY in {measured.fill_seconds:.0f} s")
    yield from size_lines({name: measured.sizes[name] for name in ("statements", "searchable")})
    for name, asked in measured.asked.items():
        p50, p99 = percentile(asked.milliseconds, 0.5), percentile(asked.milliseconds, 0.99)
        cpu = f"processor {asked.here:.1f} ms here, {asked.postgres:.1f} ms in Postgres"
        yield line("", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {cpu}, {asked.found:.0f} found: {name}")
    busy = [asked.elsewhere for asked in measured.asked.values()]
    yield line("elsewhere", f"{min(busy):.2f} to {max(busy):.2f} cores busy with other work, by question")
    everything = [one for asked in measured.asked.values() for one in asked.milliseconds]
    yield line("together", f"p99 {percentile(everything, 0.99):.1f} ms (goal: at most {GOAL_MS:g} ms)")


def main() -> None:
    """Measure and print."""
    load = asked_for(Load, "search_bench", "How fast statements are found")
    print(line("machine", machine()))
    measured = launch(measure(load))
    print(*report(load, measured), *measured.plans.values(), sep="\n")


if __name__ == "__main__":
    main()

"""How fast statements are found among a million, by each filter and by several at once, a page of 100 at a time.

    python -m tests.load.search_bench [--statements 1000000] [--batch 50] [--asked 40]

The statements are written by SQL as the service would write them: transactions of `batch`, with who acted, what and
where drawn as widely as in the real corpus, and one activity that nobody else names. Questions go over HTTP to a
running service, one at a time. It prints, and judges nothing but that no question reads a whole table.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
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
from tests.load.options import asked_for
from tests.load.servers import servers
from tests.load.yardstick import Meter, line, machine, percentile
from tests.suites.learning_events.house import HOME_PAGE, Platform, learning_events_house

GOAL_MS: Final = 50.0
AGENTS: Final = 1_452
VERBS: Final = 8
ACTIVITIES: Final = 100
COURSES: Final = 10
CHUNK: Final = 50_000
"""Statements written in one transaction of the bench."""

_STATEMENTS: Final = """
INSERT INTO statements (organisation, id, epoch, xid, place, is_test, key, version, stored_at, person, account, fact_id,
    original, is_voiding)
SELECT $1, md5(n::text)::uuid, (SELECT epoch FROM backbone.epochs), (1000 + n / $5)::text::xid8, 1 + n % $5, false, $2,
    '2.0.0', timestamptz '2026-01-01' + (n / $5) * interval '1 millisecond', NULL, NULL, md5(n::text)::uuid,
    convert_to(replace(replace(replace(replace($6, '<agent>', (n * 7919 % $7)::text), '<verb>', (n * 31 % $8)::text),
        '<activity>', (n * 17 % $9)::text), '<course>', (n * 13 % $10)::text), 'UTF8'), false
FROM generate_series($3::bigint, $4::bigint - 1) AS n
"""
_SEARCHABLE: Final = """
INSERT INTO searchable (term, stored_at, xid, epoch, organisation, places)
SELECT term, timestamptz '2026-01-01' + batch * interval '1 millisecond', (1000 + batch)::text::xid8,
    (SELECT epoch FROM backbone.epochs), $1, array_agg(place)
FROM (
    SELECT n / $4 AS batch, (1 + n % $4)::smallint AS place, unnest(ARRAY[$5::bigint, $6::bigint,
        ($7::bigint[])[1 + n * 7919 % cardinality($7::bigint[])],
        ($8::bigint[])[1 + n * 7919 % cardinality($8::bigint[])],
        ($9::bigint[])[1 + n * 31 % cardinality($9::bigint[])],
        ($10::bigint[])[1 + n * 17 % cardinality($10::bigint[])],
        ($11::bigint[])[1 + n * 17 % cardinality($11::bigint[])],
        ($12::bigint[])[1 + n * 13 % cardinality($12::bigint[])]]) AS term
    FROM generate_series($2::bigint, $3::bigint - 1) AS n
) AS one GROUP BY term, batch ORDER BY batch, term
"""


@dataclass(frozen=True, slots=True)
class Load:
    """How many statements, how many a transaction, and how often each question is asked."""

    statements: int = 1_000_000
    batch: int = 50
    asked: int = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, asked several times. found: statements each time; here, postgres: milliseconds of processor."""

    milliseconds: Sequence[float]
    found: float
    here: float
    postgres: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured. plans: of searches by one term and by three, from Postgres. bytes_each: on disk, by table."""

    asked: Mapping[str, Asked]
    plans: Mapping[str, str]
    bytes_each: Mapping[str, float]


def agent(number: int) -> dict[str, Any]:
    """Return an agent of the bench."""
    return {"account": {"homePage": HOME_PAGE, "name": str(number)}}


def questions(number: int) -> dict[str, dict[str, Any]]:
    """Return what is asked in one round, by its name."""
    actor, verb = json.dumps(agent(number * 37 % AGENTS)), f"https://x.example/verbs/{number % VERBS}"
    activity = f"https://x.example/activities/{number * 7 % ACTIVITIES}"
    course = {"activity": f"https://x.example/courses/{number % COURSES}", "related_activities": "true"}
    return {
        "all": {},
        "agent": {"agent": actor},
        "agent anywhere": {"agent": actor, "related_agents": "true"},
        "verb": {"verb": verb},
        "verb, oldest first": {"verb": verb, "ascending": "true"},
        "activity": {"activity": activity},
        "course": course,
        "verb and activity": {"verb": verb, "activity": activity},
        "agent and verb": {"agent": actor, "verb": verb},
        "agent and course": {"agent": actor, **course},
        "all three, since": {"agent": actor, "verb": verb, **course, "since": "2026-01-01T00:00:05Z"},
        "what nobody did": {"verb": "https://x.example/verbs/0", "activity": "https://x.example/activities/1"},
    }


async def fill(connection: Any, platform: Platform, load: Load) -> None:
    """Have the statements written and known to the planner."""
    course = {"contextActivities": {"parent": [{"id": "https://x.example/courses/<course>"}]}}
    drawn = {
        "actor": agent(0) | {"account": {"homePage": HOME_PAGE, "name": "<agent>"}},
        "context": {**course, "extensions": {"https://x.example/padding": "x" * 600}},
        "object": {"id": "https://x.example/activities/<activity>"},
        "timestamp": "2026-03-01T09:30:00Z",
        "verb": {"id": "https://x.example/verbs/<verb>"},
    }
    named = _names(platform)
    for start in range(0, load.statements, CHUNK):
        end = min(start + CHUNK, load.statements)
        await connection.execute(
            _STATEMENTS, platform.organisation, platform.key, start, end, load.batch, json.dumps(drawn), AGENTS, VERBS,
            ACTIVITIES, COURSES, timeout=300,
        )  # fmt: skip
        await connection.execute(_SEARCHABLE, platform.organisation, start, end, load.batch, *named, timeout=300)
    await connection.execute("VACUUM ANALYZE statements, searchable", timeout=600)


def _names(platform: Platform) -> list[Any]:
    """Return what the statements are found by, as the index has it."""

    def key(term: str) -> int:
        return term_key(platform.organisation, False, term)

    actors = [f"account:{HOME_PAGE}|{number}" for number in range(AGENTS)]
    activities = [f"https://x.example/activities/{number}" for number in range(ACTIVITIES)]
    return [
        key(terms.ANY),
        key(terms.key_term(platform.key)),
        *([key(terms.agent_term(name, is_broad=is_broad)) for name in actors] for is_broad in (False, True)),
        [key(terms.verb_term(f"https://x.example/verbs/{number}")) for number in range(VERBS)],
        *([key(terms.activity_term(name, is_broad=is_broad)) for name in activities] for is_broad in (False, True)),
        [key(terms.activity_term(f"https://x.example/courses/{number}", is_broad=True)) for number in range(COURSES)],
    ]


async def measure(load: Load) -> Measured:
    """Return how fast statements are found on this machine, now."""
    async with AsyncExitStack() as stack:
        under = await stack.enter_async_context(servers())
        house = await stack.enter_async_context(learning_events_house(under.postgres.admin_dsn, under.broker.address))
        platform = house.platform()
        connection = await asyncpg.connect(under.dsn("learning_events"))
        stack.push_async_callback(connection.close)
        await fill(connection, platform, load)
        plans = await _plans(connection, platform)
        asked = await _asked(platform, under.postgres.pid, load)
        sizes = {
            table: await connection.fetchval("SELECT pg_total_relation_size($1::regclass)", table) / load.statements
            for table in ("statements", "searchable")
        }
        return Measured(asked, plans, sizes)


async def _asked(platform: Platform, postgres: int, load: Load) -> dict[str, Asked]:
    """Ask every question so often, after three times that do not count."""
    meter = Meter(alone={"here": os.getpid()}, trees={"postgres": postgres})
    asked = {}
    for name in questions(0):
        spent, found = [], 0
        before = meter.read()
        for number in range(-3, load.asked):
            asked_at = time.perf_counter()
            query = urlencode({**questions(number)[name], "limit": 100})
            response = await platform.get(f"/xapi/statements?{query}")
            assert response.status_code == 200, response.text
            if number < 0:
                before = meter.read()
                continue
            spent.append((time.perf_counter() - asked_at) * 1e3)
            found += len(response.json()["statements"])
        cpu = meter.spent(before, load.asked)
        asked[name] = Asked(spent, found / load.asked, cpu.cpu_us_of("here") / 1e3, cpu.cpu_us_of("postgres") / 1e3)
    return asked


async def _plans(connection: Any, platform: Platform) -> dict[str, str]:
    """Return how Postgres answers, for one term and for three, as the door's role."""
    plans = {}
    names = [terms.verb_term("https://x.example/verbs/1"), terms.ANY, terms.key_term(platform.key)]
    keys = [term_key(platform.organisation, False, name) for name in names]
    await connection.execute("SET ROLE learning_events_door")
    await connection.execute("SELECT set_config('deedlog.organisation', $1, false)", platform.organisation)
    for others in (0, 2):
        bounds = (keys[0], SINCE_EVER, FOR_EVER, LAST.stored_at, str(LAST.xid), LOOKS[0])
        rows = await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {search._rows(others, False)}", *bounds, *keys[1 : 1 + others]
        )
        plans[f"{others + 1} terms"] = "\n".join(row[0] for row in rows)
    return plans


def report(load: Load, measured: Measured) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    yield line("among", f"{load.statements:,} statements, {load.batch} a transaction; pages of 100 over HTTP")
    sizes = ", ".join(f"{table} {size:,.0f}" for table, size in measured.bytes_each.items())
    yield line("on disk", f"bytes a statement: {sizes}")
    for name, asked in measured.asked.items():
        p50, p99 = percentile(asked.milliseconds, 0.5), percentile(asked.milliseconds, 0.99)
        cpu = f"processor {asked.here:.1f} ms here, {asked.postgres:.1f} ms in Postgres"
        yield line("", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {cpu}, {asked.found:.0f} found: {name}")
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

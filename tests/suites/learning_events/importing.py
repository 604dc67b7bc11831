"""Uploads for imports: lines of which some are bad, and what a test does with them."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from typing import Any

from tests.suites.learning_events.house import HOME_PAGE, Platform, statement

NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class History:
    """An upload: its bytes, the ids its good lines came with, how many good ones came without, and the bad lines."""

    content: bytes
    ids: tuple[str, ...]
    without_id: int
    bad: tuple[int, ...]

    @property
    def good(self) -> int:
        return len(self.ids) + self.without_id


def history(count: int, bad: int, seed: int) -> History:
    """Return `count` lines of which `bad` are no events, at places and in ways drawn by the seed."""
    drawn = random.Random(seed)
    wrong = frozenset(drawn.sample(range(1, count + 1), bad))
    lines, ids = [], []
    for number in range(1, count + 1):
        if number in wrong:
            lines.append(drawn.choice(BAD))
            continue
        time = f"2026-01-{number % 28 + 1:02}T10:00:00Z"
        one = statement(f"person-{number % 40}", timestamp=time)
        if number % 5 == 1:
            ids.append(one["id"])
            one = caliper_event(one["id"], f"person-{number % 40}", time)
        elif number % 5 == 2:
            ids.append(one["id"])
            one = cloud_event(one)
        elif number % 5:
            ids.append(one["id"])
        else:
            del one["id"]
        lines.append(json.dumps(one).encode())
    good_without = count - bad - len(ids)
    return History(b"\n".join(lines) + b"\n", tuple(ids), good_without, tuple(sorted(wrong)))


def caliper_event(event_id: str, name: str, time: str) -> dict[str, Any]:
    """Return an event of Caliper 1.2."""
    return {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "id": f"urn:uuid:{event_id}",
        "type": "NavigationEvent",
        "actor": {"id": f"https://lms.example/users/{name}", "type": "Person"},
        "action": "NavigatedTo",
        "object": {"id": "https://lms.example/pages/1", "type": "WebPage"},
        "eventTime": time.replace("Z", ".000Z"),
    }


def caliper_entity(name: str) -> dict[str, Any]:
    """Return an entity of Caliper 1.2, that is kept and told of nobody."""
    context, kind = "http://purl.imsglobal.org/ctx/caliper/v1p2", "WebPage"
    return {"@context": context, "id": f"https://lms.example/pages/{name}", "type": kind, "name": name}


def cloud_event(one: dict[str, Any]) -> dict[str, Any]:
    """Return a CloudEvent that holds a statement."""
    return {
        "specversion": "1.0",
        "id": one["id"],
        "source": "https://lms.example/events",
        "type": "org.example.statement",
        "datacontenttype": "application/json",
        "data": one,
    }


BAD = [
    b"{not json",
    b"[]",
    b'{"verb": {"id": "http://adlnet.gov/expapi/verbs/answered"}, "object": {"id": "https://lms.example/1"}}',
    json.dumps(statement(verb={"id": "no iri"})).encode(),
    json.dumps({**statement(), "actor": {"account": {"homePage": HOME_PAGE}}}).encode(),
    b'{"id": "\xff"}',
]


async def begun(platform: Platform, content: bytes, **headers: str) -> dict[str, Any]:
    """Upload as a single body, and return the import."""
    response = await platform.send(content, "/v1/imports", content_type=NDJSON, **headers)
    assert response.status_code == 201, response.text
    shown: dict[str, Any] = response.json()
    return shown


async def looked_at(platform: Platform, import_id: str) -> dict[str, Any]:
    response = await platform.get(f"/v1/imports/{import_id}")
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


async def ended(platform: Platform, import_id: str, seconds: float = 30) -> dict[str, Any]:
    """Return the import once it has ended."""
    async with asyncio.timeout(seconds):
        while (shown := await looked_at(platform, import_id))["ended_at"] is None:
            await asyncio.sleep(0.05)
    return shown


async def report(platform: Platform, import_id: str) -> list[dict[str, Any]]:
    """Return the lines of the report."""
    response = await platform.get(f"/v1/imports/{import_id}/report")
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]

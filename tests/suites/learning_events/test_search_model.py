"""Whatever is asked of whatever was sent: the answer is what a plain loop over all statements gives."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from services.learning_events.handlers import searching
from tests.suites.learning_events.house import HOME_PAGE, Platform, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")
NAMES = ("ada", "ben", "cas")
VERBS = tuple(f"https://x.example/verbs/{number}" for number in range(3))
ACTIVITIES = tuple(f"https://x.example/activities/{number}" for number in range(4))


def account(name: str) -> dict[str, Any]:
    return {"account": {"homePage": HOME_PAGE, "name": name}}


def drawn(draw: random.Random, ids: list[str]) -> dict[str, Any]:
    """Return a statement; one in five refers to an earlier one."""
    made = statement(draw.choice(NAMES), verb={"id": draw.choice(VERBS)}, object={"id": draw.choice(ACTIVITIES)})
    if draw.random() < 0.5:
        made["context"] = {
            "instructor": account(draw.choice(NAMES)),
            "contextActivities": {"parent": [{"id": draw.choice(ACTIVITIES)}]},
        }
    if ids and draw.random() < 0.2:
        made["object"] = {"objectType": "StatementRef", "id": draw.choice(ids)}
    return made


def says(one: dict[str, Any], kept: dict[str, dict[str, Any]], name: str, value: str, *, is_broad: bool) -> bool:
    """Say whether a statement, or one that it refers to, keeps one condition: by reading it, not by an index."""
    context = one.get("context", {})
    agents = [one["actor"]] + ([context["instructor"]] if is_broad and context else [])
    activities = [one["object"].get("id")] if "objectType" not in one["object"] else []
    activities += [some["id"] for some in context["contextActivities"]["parent"]] if is_broad and context else []
    keeps = {
        "agent": account(value) in agents,
        "verb": one["verb"]["id"] == value,
        "activity": value in activities,
    }[name]
    target = kept.get(one["object"]["id"]) if "objectType" in one["object"] else None
    return keeps or (target is not None and says(target, kept, name, value, is_broad=is_broad))


def queries(draw: random.Random) -> Iterator[tuple[dict[str, str], bool]]:
    for _ in range(20):
        choices = {"agent": draw.choice(NAMES), "verb": draw.choice(VERBS), "activity": draw.choice(ACTIVITIES)}
        yield dict(draw.sample(sorted(choices.items()), draw.randint(0, 3))), draw.random() < 0.5


async def found(platform: Platform, asked: dict[str, str], *, is_broad: bool, limit: int) -> list[str]:
    query = {name: json.dumps(account(value)) if name == "agent" else value for name, value in asked.items()}
    broad = dict.fromkeys(("related_agents", "related_activities"), str(is_broad).lower())
    more = f"/xapi/statements?{urlencode({**query, **broad, 'limit': limit})}"
    ids: list[str] = []
    while more:
        answer = (await platform.get(more)).json()
        assert len(answer["statements"]) <= limit
        ids += [one["id"] for one in answer["statements"]]
        more = answer["more"]
    return ids


@pytest.mark.parametrize("looks", [searching.LOOKS, (1, 3)])
async def test_a_search_finds_what_reading_everything_finds(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, looks: tuple[int, ...]
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    monkeypatch.setattr(searching, "LOOKS", looks)
    kept: dict[str, dict[str, Any]] = {}
    while len(kept) < 70:
        batch = [drawn(draw, list(kept)) for _ in range(draw.randint(1, 12))]
        await platform.post(batch)
        kept |= {one["id"]: one for one in batch}
    for asked, is_broad in queries(draw):
        expected = [
            statement_id
            for statement_id, one in reversed(kept.items())
            if all(says(one, kept, name, value, is_broad=is_broad) for name, value in asked.items())
        ]
        answer = await found(platform, asked, is_broad=is_broad, limit=draw.choice([5, 9, 100]))
        assert answer == expected, (asked, is_broad)

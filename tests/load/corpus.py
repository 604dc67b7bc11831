"""Statements to send: real ones where they are, else some of the same form and size, under fresh ids each time."""

from __future__ import annotations

import gzip
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

REAL: Final = Path(__file__).resolve().parents[3] / "shared/data/xapi/fun-mooc-statements.json.gz"
"""A data folder beside the repository, which not everybody has."""
MADE_UP: Final = 5_000
MADE_UP_PEOPLE: Final = 900
_VIDEO: Final = "https://w3id.org/xapi/video"
_OWN_ID: Final = re.compile(rb'(?<="id": ")[0-9a-f-]{36}(?=", "actor")')


class Corpus:
    """Statements, to be sent again and again under fresh ids. name: which ones they are."""

    def __init__(self) -> None:
        self.name = "real statements" if REAL.exists() else "statements made up in the form of real ones"
        lines = gzip.decompress(REAL.read_bytes()).splitlines() if REAL.exists() else map(_made_up, range(MADE_UP))
        self._parts = [tuple(_OWN_ID.split(text)) for text in lines]
        self._next = 0

    def row(self) -> tuple[uuid.UUID, bytes]:
        """Return the next statement with its fresh id."""
        before, after = self._parts[self._next % len(self._parts)]
        self._next += 1
        fresh = uuid.uuid4()
        return fresh, before + str(fresh).encode() + after

    def batches(self, size: int) -> Iterator[list[tuple[uuid.UUID, bytes]]]:
        """Yield batches of statements without end."""
        while True:
            yield [self.row() for _ in range(size)]


def _made_up(number: int) -> bytes:
    """Return a report of a video player; they are most of what platforms send."""
    course = {"id": "course-v1:SAMPLE+00002+session01", "definition": {"type": f"{_VIDEO}/activity-type/course"}}
    session, video = (uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {number % 40}") for kind in ("session", "video"))
    statement = {
        "verb": {"id": f"{_VIDEO}/verbs/seeked", "display": {"en-US": "seeked"}},
        "context": {
            "extensions": {f"{_VIDEO}/extensions/session-id": str(session)},
            "contextActivities": {"category": [{"id": _VIDEO}], "parent": [{**course, "objectType": "Activity"}]},
        },
        "result": {
            "extensions": {
                f"{_VIDEO}/extensions/time-from": 124.692 + number,
                f"{_VIDEO}/extensions/time-to": 176.4 + number,
                f"{_VIDEO}/extensions/length": 263.24 + number,
                f"{_VIDEO}/extensions/progress": 0.472,
                f"{_VIDEO}/extensions/played-segments": "0[.]42.608[,]43.168[.]124.692[,]176.4",
            }
        },
        "id": str(uuid.UUID(int=number)),
        "actor": {
            "objectType": "Agent",
            "account": {
                "name": str(uuid.uuid5(uuid.NAMESPACE_URL, f"learner {number % MADE_UP_PEOPLE}")),
                "homePage": "http://platform.example",
            },
        },
        "object": {
            "definition": {"type": f"{_VIDEO}/activity-type/video", "name": {"en-US": f"Unit {video}"}},
            "id": f"uuid://{video}",
            "objectType": "Activity",
        },
        "timestamp": "2021-11-29T23:09:00.867219+00:00",
    }
    return json.dumps(statement).encode()

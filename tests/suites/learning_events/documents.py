"""How the tests name documents: queries of the three resources."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

ADA = {"account": {"homePage": "https://lms.example", "name": "ada"}}
BEN = {"mbox": "mailto:ben@example.org"}
ACTIVITY = "https://lms.example/courses/1"
REGISTRATION = "12345678-1234-4678-9234-567812345678"


def state(name: str | None = "bookmark", agent: Any = ADA, mount: str = "/xapi", **more: str) -> str:
    """Return the path of a state; without a name, of all."""
    named = {} if name is None else {"stateId": name}
    return path(f"{mount}/activities/state", activityId=ACTIVITY, agent=agent, **named, **more)


def agent_profile(name: str | None = "likes", agent: Any = ADA, mount: str = "/xapi", **more: str) -> str:
    """Return the path of an agent's profile."""
    named = {} if name is None else {"profileId": name}
    return path(f"{mount}/agents/profile", agent=agent, **named, **more)


def activity_profile(name: str | None = "settings", mount: str = "/xapi", **more: str) -> str:
    """Return the path of an activity's profile."""
    named = {} if name is None else {"profileId": name}
    return path(f"{mount}/activities/profile", activityId=ACTIVITY, **named, **more)


def path(base: str, **query: Any) -> str:
    """Return a path with a query; what is no text goes as JSON."""
    fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
    return f"{base}?{urlencode(fields)}"

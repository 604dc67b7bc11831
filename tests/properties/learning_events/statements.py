"""Strategies: any valid statement, and any one place in it where something can be made wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

Path: TypeAlias = tuple[str | int, ...]

TEXT: Final = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
UUIDS: Final = st.uuids().map(str) | st.uuids().map(lambda value: str(value).upper())
IRIS: Final = st.builds(
    "{}:{}".format,
    st.sampled_from(["https", "urn", "course-v1", "uuid", "a+b.c"]),
    st.text("abcXYZ019/+-_.~!$&'()*,;=:@?#äßж日", min_size=1, max_size=20) | st.just("//example.org/a%20b"),
)
TAGS: Final = st.sampled_from(["en", "en-US", "zh-Hant-TW", "de-1996", "es-419", "sl-rozaj-biske", "x-ours", "i-ami"])
TIMES: Final = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.isoformat()
)
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
MAPS: Final = st.dictionaries(TAGS, TEXT, max_size=2)
EXTENSIONS: Final = st.dictionaries(IRIS, JSON, max_size=2)
DURATIONS: Final = st.sampled_from(["PT1S", "PT4H35M59.14S", "P3Y1M29DT4H35M59.14S", "P4W", "P1D", "PT0,5H"])

IDENTIFIERS: Final = st.one_of(
    st.fixed_dictionaries(
        {"account": st.fixed_dictionaries({"homePage": IRIS, "name": st.text("abc|0", min_size=1, max_size=9)})}
    ),
    st.just({"mbox": "mailto:ada@example.org"}),
    st.just({"mbox_sha1sum": "cd9b00a5611f94eaa7b1661edab976068e364975"}),
    st.fixed_dictionaries({"openid": IRIS}),
)


def merged(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw each part and put them into one object."""
    return st.tuples(*parts).map(lambda drawn: {name: value for part in drawn for name, value in part.items()})


AGENTS: Final = merged(IDENTIFIERS, st.fixed_dictionaries({}, optional={"objectType": st.just("Agent"), "name": TEXT}))
GROUPS: Final = merged(
    st.just({"objectType": "Group"}),
    merged(IDENTIFIERS, st.fixed_dictionaries({}, optional={"member": st.lists(AGENTS, max_size=2)}))
    | st.fixed_dictionaries({"member": st.lists(AGENTS, min_size=1, max_size=2)}),
)
ACTORS: Final = AGENTS | GROUPS
COMPONENTS: Final = st.lists(
    st.fixed_dictionaries({"id": TEXT}, optional={"description": MAPS}),
    max_size=2,
    unique_by=lambda one: str(one["id"]),
)
DEFINITIONS: Final = merged(
    st.fixed_dictionaries(
        {}, optional={"name": MAPS, "description": MAPS, "type": IRIS, "moreInfo": IRIS, "extensions": EXTENSIONS}
    ),
    st.just({})
    | st.fixed_dictionaries(
        {"interactionType": st.just("choice")},
        optional={"choices": COMPONENTS, "correctResponsesPattern": st.lists(TEXT, max_size=2)},
    ),
)
ACTIVITIES: Final = st.fixed_dictionaries(
    {"id": IRIS}, optional={"objectType": st.just("Activity"), "definition": DEFINITIONS}
)
REFERENCES: Final = st.fixed_dictionaries({"objectType": st.just("StatementRef"), "id": UUIDS})
SCORES: Final = st.sampled_from([{}, {"scaled": -1}, {"scaled": 0.75, "raw": 7.5, "min": 0, "max": 10}, {"raw": -3.5}])
RESULTS: Final = st.fixed_dictionaries(
    {},
    optional={
        "score": SCORES,
        "success": st.booleans(),
        "completion": st.booleans(),
        "response": TEXT,
        "duration": DURATIONS,
        "extensions": EXTENSIONS,
    },
)
PARTY: Final = {"relevantTypes": st.lists(IRIS, min_size=1, max_size=2)}
CONTEXT: Final = {
    "registration": UUIDS,
    "instructor": ACTORS,
    "team": GROUPS,
    "contextActivities": st.dictionaries(
        st.sampled_from(["parent", "grouping", "category", "other"]), ACTIVITIES | st.lists(ACTIVITIES, max_size=2)
    ),
    "language": TAGS,
    "statement": REFERENCES,
    "extensions": EXTENSIONS,
    "contextAgents": st.lists(
        st.fixed_dictionaries({"objectType": st.just("contextAgent"), "agent": AGENTS}, optional=PARTY), max_size=1
    ),
    "contextGroups": st.lists(
        st.fixed_dictionaries({"objectType": st.just("contextGroup"), "group": GROUPS}, optional=PARTY), max_size=1
    ),
}
ATTACHMENTS: Final = st.lists(
    st.fixed_dictionaries(
        {
            "usageType": IRIS,
            "display": MAPS,
            "contentType": st.sampled_from(["text/plain", 'text/plain; charset="utf-8"', "application/vnd.x+json"]),
            "length": st.integers(0, 10_000),
            "sha2": st.binary(min_size=32, max_size=32).map(bytes.hex),
            "fileUrl": IRIS,
        },
        optional={"description": MAPS},
    ),
    max_size=1,
)
VERBS: Final = st.fixed_dictionaries({"id": IRIS}, optional={"display": MAPS})


def _bodies(about: st.SearchStrategy[dict[str, Any]], *, is_activity: bool) -> st.SearchStrategy[dict[str, Any]]:
    optional = {**CONTEXT, "revision": TEXT, "platform": TEXT} if is_activity else CONTEXT
    return st.fixed_dictionaries(
        {"actor": ACTORS, "verb": VERBS, "object": about},
        optional={
            "result": RESULTS,
            "context": st.fixed_dictionaries({}, optional=optional),
            "timestamp": TIMES,
            "attachments": ATTACHMENTS,
        },
    )


_PEOPLE: Final = GROUPS | merged(AGENTS, st.just({"objectType": "Agent"}))
_FLAT: Final = _bodies(ACTIVITIES, is_activity=True) | _bodies(REFERENCES | _PEOPLE, is_activity=False)
_NESTED: Final = _bodies(merged(_FLAT, st.just({"objectType": "SubStatement"})), is_activity=False)
_AUTHORITIES: Final = AGENTS | st.fixed_dictionaries(
    {"objectType": st.just("Group"), "member": st.lists(AGENTS, min_size=2, max_size=2)}
)

STATEMENTS: Final = merged(
    _FLAT | _NESTED,
    st.fixed_dictionaries(
        {"id": UUIDS},
        optional={"stored": TIMES, "authority": _AUTHORITIES, "version": st.sampled_from(["1.0.0", "2.0.0"])},
    ),
)
"""Any valid statement of version 2.0 with an id, whose identifiers fit a fact and whose attachments lie elsewhere."""


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each value in a statement with its path, but nothing within extensions: there, anything is valid."""
    yield path, value
    if path and path[-1] == "extensions":
        return
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places(member, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def replaced(statement: Any, path: Path, value: Any) -> Any:
    """Return a copy of `statement` with `value` at `path`."""
    if not path:
        return value
    copied = copy.deepcopy(statement)
    parent = copied
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return copied


def pointer(path: Path) -> str:
    """Return the JSON pointer of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)

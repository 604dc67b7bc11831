"""What is known of an Activity: the definitions that statements gave it, folded into one (xAPI part 3, 2.5).

Every different definition is kept once. The fold is a function of the set of them and of when each came first: later
ones win; language maps and extensions are joined entry by entry, all other members are replaced whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from shared.kernel import canonical_json
from shared.kernel.hashing import sha256, tagged

DEFINITIONS_MAX: Final = 100
"""Different definitions kept of one Activity, the first that come. Who sends more writes into them what changes from
statement to statement, and would have each statement's definition kept a second time."""
DEFINITION_BYTES_MAX: Final = 64 << 10
"""Of one definition; a longer one stays in its statement and is not folded."""
_JOINED: Final = ("name", "description", "extensions")


@dataclass(slots=True)
class GivenDefinition:
    """A definition that a statement gave an Activity, as parsed. fingerprint: its spelling, good for a memory only."""

    activity: str
    definition: dict[str, Any]
    fingerprint: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.fingerprint = canonical_json.kept(canonical_json.spelling(self.definition))

    def told(self) -> ToldDefinition | None:
        """Return it as it is kept; None where it is too long."""
        content = canonical_json.dumps(self.definition)
        if len(content) > DEFINITION_BYTES_MAX:
            return None
        return ToldDefinition(activity_key(self.activity), sha256(content), content)


@dataclass(frozen=True, slots=True)
class ToldDefinition:
    """A definition as it is kept. activity: stands for the IRI; digest: of the content, which is canonical JSON."""

    activity: bytes
    digest: bytes
    content: bytes


def activity_key(activity: str) -> bytes:
    """Return the 32 bytes that stand for an Activity's IRI, which may be too long for an index."""
    return tagged("activity", activity.encode())


def given_definitions(statement: dict[str, Any]) -> tuple[GivenDefinition, ...]:
    """Return what a checked statement tells of Activities: of its object, its context's, and its SubStatement's."""
    found: list[GivenDefinition] = []
    _add_given(statement, found)
    return tuple(found)


def given_by(activities: Iterable[dict[str, Any]]) -> tuple[GivenDefinition, ...]:
    """Return what these checked Activities tell of themselves."""
    found: list[GivenDefinition] = []
    for activity in activities:
        definition = activity.get("definition")
        if definition:
            found.append(GivenDefinition(activity["id"], definition))
    return tuple(found)


def folded(activity: str, definitions: Iterable[bytes]) -> dict[str, Any]:
    """Return the Activity Object. definitions: canonical JSON, earliest first; without any it has no definition."""
    whole: dict[str, Any] = {}
    for content in definitions:
        given: Any = canonical_json.loads(content, bytes_max=len(content))
        for name, value in given.items():
            whole[name] = {**whole.get(name, {}), **value} if name in _JOINED else value
    found = {"objectType": "Activity", "id": activity}
    return {**found, "definition": whole} if whole else found


def _add_given(statement: dict[str, Any], found: list[GivenDefinition]) -> None:
    """Add what a statement or SubStatement tells."""
    target = statement["object"]
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        found += given_by([target])
    elif kind == "SubStatement":
        _add_given(target, found)
    if "context" in statement:
        for listed in statement["context"].get("contextActivities", {}).values():
            found += given_by([listed] if type(listed) is dict else listed)

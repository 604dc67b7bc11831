"""What was acted on: an Activity, its definition and the classic kinds of interaction (part 2, section 2.4.4.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import (
    check_extensions,
    check_iri,
    check_language_map,
    check_string,
)

Check: TypeAlias = Callable[[Any, str, Faults], None]

_ACTIVITY: Final = frozenset({"objectType", "id", "definition"})
_INTERACTION_TYPES: Final = (
    "true-false",
    "choice",
    "fill-in",
    "long-fill-in",
    "matching",
    "performance",
    "sequencing",
    "likert",
    "numeric",
    "other",
)
_COMPONENT: Final = frozenset({"id", "description"})
COMPONENT_LISTS: Final = ("choices", "scale", "source", "target", "steps")
_INTERACTION: Final = frozenset({"correctResponsesPattern", *COMPONENT_LISTS})


def check_activity(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being an Activity, which may leave its objectType out."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "an Activity, that is an object", 'Send {"id": "https://…"}.')
        return
    if value.get("objectType", "Activity") != "Activity":
        faults.add(f"{pointer}/objectType", 'expected "Activity"', 'Write "Activity", or leave it out.')
    if not _ACTIVITY.issuperset(value):
        faults.add_unknown(pointer, value, _ACTIVITY, "an Activity")
    check_iri(value.get("id", MISSING), f"{pointer}/id", faults)
    if "definition" in value:
        check_definition(value["definition"], f"{pointer}/definition", faults)


def check_definition(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being an Activity Definition.

    An interaction names its type. That its component lists suit that type is not demanded (2.4.4.1, a MAY).
    """
    if type(value) is not dict:
        faults.add_wrong(
            pointer, value, "an Activity Definition, that is an object", "Leave it out, or send an object."
        )
        return
    for name, member in value.items():
        check = _DEFINITION_CHECKS.get(name)
        if check is not None:
            check(member, f"{pointer}/{name}", faults)
    if not _DEFINITION.issuperset(value):
        faults.add_unknown(pointer, value, _DEFINITION, "an Activity Definition")
    if "interactionType" not in value and not _INTERACTION.isdisjoint(value):
        mend = f"Name one of {', '.join(_INTERACTION_TYPES)}."
        faults.add(f"{pointer}/interactionType", "an interaction names its type", mend)


def _check_interaction_type(value: Any, pointer: str, faults: Faults) -> None:
    if type(value) is not str or value not in _INTERACTION_TYPES:
        faults.add_wrong(pointer, value, "a kind of interaction", f"Name one of {', '.join(_INTERACTION_TYPES)}.")


def _check_patterns(value: Any, pointer: str, faults: Faults) -> None:
    if type(value) is not list:
        faults.add_wrong(pointer, value, "an array of strings", "Send the patterns as an array.")
        return
    for index, pattern in enumerate(value):
        check_string(pattern, f"{pointer}/{index}", faults)


def _check_components(value: Any, pointer: str, faults: Faults) -> None:
    if type(value) is not list:
        faults.add_wrong(pointer, value, "an array of interaction components", 'Send [{"id": "…"}, …].')
        return
    seen: set[str] = set()
    for index, component in enumerate(value):
        _check_component(component, f"{pointer}/{index}", faults)
        name = component.get("id") if type(component) is dict else None
        if type(name) is str:
            if name in seen:
                faults.add(
                    f"{pointer}/{index}/id", "an id stands once in a list of components", "Make the ids distinct."
                )
            seen.add(name)


def _check_component(value: Any, pointer: str, faults: Faults) -> None:
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "an interaction component, that is an object", 'Send {"id": "…"}.')
        return
    if not _COMPONENT.issuperset(value):
        faults.add_unknown(pointer, value, _COMPONENT, "an interaction component")
    check_string(value.get("id", MISSING), f"{pointer}/id", faults)
    if "description" in value:
        check_language_map(value["description"], f"{pointer}/description", faults)


_DEFINITION_CHECKS: Final[dict[str, Check]] = {
    "name": check_language_map,
    "description": check_language_map,
    "type": check_iri,
    "moreInfo": check_iri,
    "extensions": check_extensions,
    "interactionType": _check_interaction_type,
    "correctResponsesPattern": _check_patterns,
    **dict.fromkeys(COMPONENT_LISTS, _check_components),
}
_DEFINITION: Final = frozenset(_DEFINITION_CHECKS)

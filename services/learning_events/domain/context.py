"""What surrounded it: registration, people, related activities, language (part 2, section 2.4.6; 2.0: 4.2.2.5)."""

from __future__ import annotations

from typing import Any, Final

from services.learning_events.domain.activity import Check, check_activity
from services.learning_events.domain.actor import check_actor, check_agent, check_group
from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import (
    check_extensions,
    check_iri,
    check_language_tag,
    check_string,
    check_uuid,
)

_ACTIVITY_KINDS: Final = frozenset({"parent", "grouping", "category", "other"})
_ONLY_WITH_ACTIVITY: Final = ("revision", "platform")
_REFERENCE: Final = frozenset({"objectType", "id"})
_CONTEXT_AGENT: Final = frozenset({"objectType", "agent", "relevantTypes"})
_CONTEXT_GROUP: Final = frozenset({"objectType", "group", "relevantTypes"})


def check_context(
    value: Any,
    pointer: str,
    faults: Faults,
    *,
    is_about_activity: bool,
    is_version_2: bool,
    has_known_activities: bool = False,
) -> None:
    """List what keeps `value` from being a Context of a statement in that version with such an object.

    has_known_activities: its contextActivities are known to be valid.
    """
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "a Context, that is an object", "Leave it out, or send an object.")
        return
    known = _CONTEXT_2 if is_version_2 else _CONTEXT_1
    for name, member in value.items():
        if name in known and not (has_known_activities and name == "contextActivities"):
            _CHECKS[name](member, f"{pointer}/{name}", faults)
    if not known.issuperset(value):
        faults.add_unknown(pointer, value, known, "a Context")
    if not is_about_activity:
        for name in _ONLY_WITH_ACTIVITY:
            if name in value:
                rule = "stands only where the object of the statement is an Activity"
                faults.add(f"{pointer}/{name}", rule, "Leave it out.")


def check_statement_reference(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being a Statement Reference. That the statement exists is not asked."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "a StatementRef, that is an object", 'Send {"objectType": "StatementRef", …}.')
        return
    if not _REFERENCE.issuperset(value):
        faults.add_unknown(pointer, value, _REFERENCE, "a StatementRef")
    if value.get("objectType") != "StatementRef":
        faults.add(f"{pointer}/objectType", 'expected "StatementRef"', 'Write "StatementRef".')
    check_uuid(value.get("id", MISSING), f"{pointer}/id", faults)


def check_context_activities(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being the contextActivities of a statement."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "an object of Activities", 'Send {"parent": [{"id": "https://…"}]}.')
        return
    if not _ACTIVITY_KINDS.issuperset(value):
        faults.add_unknown(pointer, value, _ACTIVITY_KINDS, "contextActivities")
    for kind, activities in value.items():
        if kind not in _ACTIVITY_KINDS:
            continue
        if type(activities) is not list:
            # One Activity without its array is what version 0.95 sent; 1.0.3 and 2.0 still take it.
            check_activity(activities, f"{pointer}/{kind}", faults)
            continue
        for index, activity in enumerate(activities):
            check_activity(activity, f"{pointer}/{kind}/{index}", faults)


def _check_context_agents(value: Any, pointer: str, faults: Faults) -> None:
    _check_parties(value, pointer, faults, "agent", _CONTEXT_AGENT, check_agent)


def _check_context_groups(value: Any, pointer: str, faults: Faults) -> None:
    _check_parties(value, pointer, faults, "group", _CONTEXT_GROUP, check_group)


def _check_parties(
    value: Any, pointer: str, faults: Faults, role: str, known: frozenset[str], check_party: Check
) -> None:
    """List what keeps `value` from being an array of contextAgents or contextGroups (2.0: 4.2.2.5)."""
    kind = f"context{role.capitalize()}"
    if type(value) is not list:
        faults.add_wrong(pointer, value, f"an array of {kind}s", f'Send [{{"objectType": "{kind}", …}}].')
        return
    for index, party in enumerate(value):
        at = f"{pointer}/{index}"
        if type(party) is not dict:
            faults.add_wrong(at, party, f"a {kind}, that is an object", f'Send {{"objectType": "{kind}", …}}.')
            continue
        if not known.issuperset(party):
            faults.add_unknown(at, party, known, f"a {kind}")
        if party.get("objectType") != kind:
            faults.add(f"{at}/objectType", f'expected "{kind}"', f'Write "{kind}".')
        check_party(party.get(role, MISSING), f"{at}/{role}", faults)
        if "relevantTypes" in party:
            _check_relevant_types(party["relevantTypes"], f"{at}/relevantTypes", faults)


def _check_relevant_types(value: Any, pointer: str, faults: Faults) -> None:
    if type(value) is not list or not value:
        faults.add(pointer, "expected an array with at least one IRI", "Name a type, or leave it out.")
        return
    for index, iri in enumerate(value):
        check_iri(iri, f"{pointer}/{index}", faults)


_CHECKS: Final[dict[str, Check]] = {
    "registration": check_uuid,
    "instructor": check_actor,
    "team": check_group,
    "contextActivities": check_context_activities,
    "revision": check_string,
    "platform": check_string,
    "language": check_language_tag,
    "statement": check_statement_reference,
    "extensions": check_extensions,
    "contextAgents": _check_context_agents,
    "contextGroups": _check_context_groups,
}
_CONTEXT_2: Final = frozenset(_CHECKS)
_CONTEXT_1: Final = _CONTEXT_2 - {"contextAgents", "contextGroups"}

"""The shape of Caliper documents: contexts, events, entities and what they name (Caliper 1.1 §2.1, §2.2, §4.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from services.learning_events.domain.caliper_result import check_measures
from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import check_iri, check_timestamp, check_uuid
from services.learning_events.domain.statement import VOIDED

_CONTEXT: Final = re.compile(r"https?://purl\.imsglobal\.org/ctx/caliper/v1p[12](?:/[A-Za-z0-9._-]{1,80})?").fullmatch
_ANY_CONTEXT: Final = "purl.imsglobal.org/ctx/caliper/"
_TERM: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,79}").fullmatch
_BLANK: Final = re.compile(r"_:[A-Za-z0-9._-]{1,80}").fullmatch
_NAMED: Final = ("target", "generated", "edApp", "group", "membership", "session", "federatedSession", "referrer")
_CONTEXT_MEND: Final = "Name http://purl.imsglobal.org/ctx/caliper/v1p2, or v1p1."
_ACTION_NAMES: Final = (
    "Abandoned Accepted Activated Added Archived Attached Bookmarked ChangedResolution ChangedSize ChangedSpeed "
    "ChangedVolume Classified ClosedPopout Commented Completed Copied Created Deactivated Declined Deleted Described "
    "DisabledClosedCaptioning Disliked Downloaded EnabledClosedCaptioning Ended EnteredFullScreen ExitedFullScreen "
    "ForwardedTo Graded Hid Highlighted Identified JumpedTo Launched Liked Linked LoggedIn LoggedOut MarkedAsRead "
    "MarkedAsUnread Modified Muted NavigatedTo OpenedPopout OptedIn OptedOut Paused Posted Printed Published "
    "Questioned Ranked Recommended Removed Replied Reset Restarted Restored Resumed Retrieved Returned Reviewed "
    "Rewound Saved Searched Sent Shared Showed Skipped Started Submitted Subscribed Tagged TimedOut Unmuted "
    "Unpublished Unsubscribed Uploaded Used Viewed"
)
_ACTIONS: Final = frozenset(_ACTION_NAMES.split())
"""The actions of the metric profiles of 1.1 and 1.2."""


def is_caliper(item: Any) -> bool:
    """Say whether a JSON value means to be Caliper's, in whatever version."""
    if type(item) is not dict:
        return False
    return any(_ANY_CONTEXT in one for one in _contexts(item)) or ("eventTime" in item and "action" in item)


def is_event(item: Any) -> bool:
    """Say whether this means to be an event; what is not, means to be an entity."""
    if type(item) is not dict:
        return False
    return "action" in item or "eventTime" in item or str(item.get("type", "")).endswith("Event")


def is_version(iri: Any) -> bool:
    """Say whether this names the context of a version that is read here."""
    return type(iri) is str and _CONTEXT(iri) is not None


def iri_of(value: Any) -> str | None:
    """Return the IRI of an entity, be it described or named; None where there is none."""
    iri = value.get("id") if type(value) is dict else value
    return iri if type(iri) is str else None


def resolved(value: Any, entities: Mapping[str, dict[str, Any]]) -> Any:
    """Return what `entities` say under the IRI that `value` names, else `value`."""
    return entities.get(value, value) if type(value) is str else value


def check_event(item: dict[str, Any], faults: Faults, *, is_in_envelope: bool) -> None:
    """List what keeps `item` from being an event."""
    _check_context(item, faults, is_in_envelope=is_in_envelope)
    own_id = item.get("id", MISSING)
    if type(own_id) is str and own_id[:9].lower() == "urn:uuid:":
        check_uuid(own_id[9:], "/id", faults)
    else:
        faults.add_wrong("/id", own_id, "the event's UUID as a URN", "Send urn:uuid: and a UUID of its own.")
    _check_type(item, "", faults)
    check_entity(item.get("actor", MISSING), "/actor", faults)
    _check_action(item.get("action", MISSING), faults)
    check_entity(item.get("object", MISSING), "/object", faults)
    check_timestamp(item.get("eventTime", MISSING), "/eventTime", faults)
    for name in _NAMED:
        if item.get(name) is not None:
            check_entity(item[name], f"/{name}", faults)
    if type(item.get("extensions", {})) not in (dict, type(None)):
        faults.add("/extensions", "expected an object", "Send your own properties as its members.")
    check_measures(item.get("generated"), "/generated", faults)
    check_measures(item.get("object"), "/object", faults)


def check_entity(
    value: Any, pointer: str, faults: Faults, *, is_whole: bool = False, is_in_envelope: bool = True
) -> None:
    """List what keeps `value` from being an entity, or from naming one. is_whole: it stands alone and is described."""
    if type(value) is dict:
        if is_whole:
            _check_context(value, faults, is_in_envelope=is_in_envelope)
            check_measures(value, pointer, faults)
        _check_iri(value.get("id", MISSING), f"{pointer}/id", faults)
        _check_type(value, pointer, faults)
        for name in ("assignee", "assignable", "attempt", "member", "annotator", "user", "isPartOf"):
            if value.get(name) is not None:
                check_entity(value[name], f"{pointer}/{name}", faults)
    elif is_whole:
        faults.add_wrong(pointer, value, "an event or an entity, that is an object", "Send one of Caliper 1.1 or 1.2.")
    else:
        _check_iri(value, pointer, faults)


def _contexts(item: dict[str, Any]) -> list[str]:
    named = item.get("@context")
    return [one for one in (named if type(named) is list else [named]) if type(one) is str]


def _check_context(item: dict[str, Any], faults: Faults, *, is_in_envelope: bool) -> None:
    if "@context" not in item and is_in_envelope:
        return
    if not any(is_version(one) for one in _contexts(item)):
        faults.add("/@context", "it names no context of Caliper 1.1 or 1.2", _CONTEXT_MEND)


def _check_iri(value: Any, pointer: str, faults: Faults) -> None:
    if type(value) is not str or _BLANK(value) is None:
        check_iri(value, pointer, faults)


def _check_type(item: dict[str, Any], pointer: str, faults: Faults) -> None:
    value = item.get("type", MISSING)
    if type(value) is not str or _TERM(value) is None:
        faults.add_wrong(f"{pointer}/type", value, "a term of Caliper", "Write Person, AssessmentEvent or the like.")


def _check_action(value: Any, faults: Faults) -> None:
    if type(value) is str and value in _ACTIONS:
        return
    if type(value) is str and ":" in value and value != VOIDED:
        check_iri(value, "/action", faults)
        return
    faults.add_wrong("/action", value, "an action of Caliper 1.1 or 1.2", "Write Completed, Graded or the like.")

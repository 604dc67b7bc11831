"""Is this a valid statement: the rules of xAPI 1.0.3 part 2 and of 2.0 (IEEE 9274.1.1), all faults in one list.

What is valid but unusual is taken; what is wrong is refused even where most stores would take it, because a statement
cannot be corrected later. Not checked here: whether a referenced statement exists, attachments' data, signatures, and
whether the sender may void or may name another authority.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final

from services.learning_events.domain.activity import check_activity
from services.learning_events.domain.actor import check_actor, check_agent
from services.learning_events.domain.attachment import check_attachments
from services.learning_events.domain.context import check_context, check_statement_reference
from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import check_timestamp, check_uuid
from services.learning_events.domain.recurring import NOTHING, Recurring
from services.learning_events.domain.result import check_result
from services.learning_events.domain.verb import check_verb
from shared.kernel.errors import Fault

VOIDED: Final = "http://adlnet.gov/expapi/verbs/voided"
"""The one reserved verb: its statement voids the statement that its object refers to (part 2, section 2.3.2)."""

_SUB_STATEMENT: Final = frozenset(
    {"objectType", "actor", "verb", "object", "result", "context", "timestamp", "attachments"}
)
_STATEMENT: Final = (_SUB_STATEMENT - {"objectType"}) | {"id", "stored", "authority", "version"}
_OBJECT_TYPES: Final = "Activity, Agent, Group, StatementRef or SubStatement"


class XapiVersion(Enum):
    """The version a request speaks, by its X-Experience-API-Version header."""

    V1_0 = "1.0.3"
    V2_0 = "2.0.0"


_VERSION_PROPERTY: Final = {
    XapiVersion.V1_0: (re.compile(r"1\.0(?:\.[0-9]{1,4})?").fullmatch, "1.0.x"),
    XapiVersion.V2_0: (re.compile(r"[12]\.0(?:\.[0-9]{1,4})?").fullmatch, "1.0.x or 2.0.x"),
}


def faults_of(
    statement: Any, version: XapiVersion = XapiVersion.V2_0, pointer: str = "", known: Recurring = NOTHING
) -> list[Fault]:
    """Return everything that keeps a parsed JSON value from being a statement; empty where it is one.

    pointer: where the statement stands in what was sent, such as `/3` in an array. known: what is known of its parts.
    """
    faults = Faults()
    if type(statement) is not dict:
        faults.add_wrong(pointer, statement, "a statement, that is an object", "Send actor, verb and object.")
        return faults.listed
    if not _STATEMENT.issuperset(statement):
        faults.add_unknown(pointer, statement, _STATEMENT, "a statement")
    _check_shared(statement, pointer, faults, version, known, is_nested=False)
    if "id" in statement:
        check_uuid(statement["id"], f"{pointer}/id", faults)
    if "stored" in statement:
        check_timestamp(statement["stored"], f"{pointer}/stored", faults)
    if "authority" in statement:
        _check_authority(statement["authority"], f"{pointer}/authority", faults)
    if "version" in statement:
        _check_version(statement["version"], f"{pointer}/version", faults, version)
    return faults.listed


def is_voiding(statement: dict[str, Any]) -> bool:
    """Say whether a checked statement voids another."""
    return bool(statement["verb"]["id"] == VOIDED)


def object_type(target: dict[str, Any]) -> str:
    """Return the type of a checked object; one that does not say is an Activity."""
    return str(target.get("objectType", "Activity"))


def _check_shared(
    statement: dict[str, Any], pointer: str, faults: Faults, version: XapiVersion, known: Recurring, *, is_nested: bool
) -> None:
    """Check what a statement and a SubStatement share, but for what is known to be valid."""
    if known.actor is None:
        check_actor(statement.get("actor", MISSING), f"{pointer}/actor", faults)
    verb = statement.get("verb", MISSING)
    if known.verb is None:
        check_verb(verb, f"{pointer}/verb", faults)
    target = statement.get("object", MISSING)
    kind = target.get("objectType", "Activity") if type(target) is dict else None
    if known.activity is None:
        _check_object(target, kind, f"{pointer}/object", faults, version, is_nested=is_nested)
    if type(verb) is dict and verb.get("id") == VOIDED and kind != "StatementRef" and not is_nested:
        mend = 'Send {"objectType": "StatementRef", "id": …} with the id of the statement to be voided.'
        faults.add(f"{pointer}/object", "the object of a voiding statement is a StatementRef", mend)
    if "result" in statement:
        check_result(statement["result"], f"{pointer}/result", faults)
    if "context" in statement:
        check_context(
            statement["context"],
            f"{pointer}/context",
            faults,
            is_about_activity=kind == "Activity",
            is_version_2=version is XapiVersion.V2_0,
            has_known_activities=known.surroundings is not None,
        )
    if "timestamp" in statement:
        check_timestamp(statement["timestamp"], f"{pointer}/timestamp", faults)
    if "attachments" in statement:
        check_attachments(statement["attachments"], f"{pointer}/attachments", faults)


def _check_object(
    value: Any, kind: Any, pointer: str, faults: Faults, version: XapiVersion, *, is_nested: bool
) -> None:
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "an object", f"Send an {_OBJECT_TYPES}.")
    elif kind == "Activity":
        check_activity(value, pointer, faults)
    elif kind in ("Agent", "Group"):
        check_actor(value, pointer, faults)
    elif kind == "StatementRef":
        check_statement_reference(value, pointer, faults)
    elif kind == "SubStatement" and not is_nested:
        if not _SUB_STATEMENT.issuperset(value):
            faults.add_unknown(pointer, value, _SUB_STATEMENT, "a SubStatement")
        _check_shared(value, pointer, faults, version, NOTHING, is_nested=True)
    elif kind == "SubStatement":
        faults.add(pointer, "a SubStatement holds no other SubStatement", "Refer to the inner one by a StatementRef.")
    else:
        faults.add(f"{pointer}/objectType", "expected a type of object", f"Write {_OBJECT_TYPES}.")


def _check_authority(value: Any, pointer: str, faults: Faults) -> None:
    """An authority is an Agent, or an anonymous Group of two: a client and its user (section 2.4.9)."""
    if type(value) is not dict or value.get("objectType") != "Group":
        check_agent(value, pointer, faults)
        return
    check_actor(value, pointer, faults)
    members = value.get("member")
    if type(members) is not list or len(members) != 2 or not set(value) <= {"objectType", "name", "member"}:
        rule = "a Group as authority is anonymous and has two members: the client and its user"
        faults.add(pointer, rule, "Send the two Agents under member, or leave authority out: it is set here.")


def _check_version(value: Any, pointer: str, faults: Faults, version: XapiVersion) -> None:
    matches, forms = _VERSION_PROPERTY[version]
    if type(value) is not str or matches(value) is None:
        faults.add_wrong(pointer, value, f"version {forms}", "Leave it out: it is set here.")

"""Our own small event: who did what with what, and what came of it. It travels as the data of a CloudEvent.

    {"actor": {"mbox": "mailto:ada@example.org"},            one identifier, as an xAPI Agent has it
     "verb": "http://adlnet.gov/expapi/verbs/completed",     an IRI
     "object": "https://lms.example/courses/1",              an IRI, or {"id": IRI, "name": text, "type": IRI}
     "result": {"score": {"scaled": 0.8}, "success": true, "completion": true, "duration": "PT5M"},
     "registration": "7c9e…"}                                the last two may be left out

Unknown fields are refused. When it happened, and under which id, says the CloudEvent.
"""

from __future__ import annotations

from typing import Any, Final

from services.learning_events.domain.actor import check_agent
from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import check_iri, check_string, check_uuid
from services.learning_events.domain.result import check_result
from services.learning_events.domain.statement import VOIDED

TYPE: Final = "deedlog.learning-event.v1"
"""The `type` of a CloudEvent that carries one."""
_EVENT: Final = frozenset({"actor", "verb", "object", "result", "registration"})
_OBJECT: Final = frozenset({"id", "name", "type"})
_UNKNOWN_LANGUAGE: Final = "und"


def check_learning_event(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being a learning event."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "a learning event, that is an object", "Send actor, verb and object.")
        return
    if not _EVENT.issuperset(value):
        faults.add_unknown(pointer, value, _EVENT, "a learning event")
    check_agent(value.get("actor", MISSING), f"{pointer}/actor", faults)
    check_iri(value.get("verb", MISSING), f"{pointer}/verb", faults)
    if value.get("verb") == VOIDED:
        faults.add(f"{pointer}/verb", "only a statement voids", "Send the xAPI statement that voids it.")
    _check_object(value.get("object", MISSING), f"{pointer}/object", faults)
    if "result" in value:
        check_result(value["result"], f"{pointer}/result", faults)
    if "registration" in value:
        check_uuid(value["registration"], f"{pointer}/registration", faults)


def as_statement(event: dict[str, Any], statement_id: str, timestamp: str | None) -> dict[str, Any]:
    """Return a checked learning event as the statement that says the same; without a timestamp, of when it came in."""
    statement: dict[str, Any] = {
        "id": statement_id,
        "actor": event["actor"],
        "verb": {"id": event["verb"]},
        "object": _activity(event["object"]),
    }
    if timestamp is not None:
        statement["timestamp"] = timestamp
    if "result" in event:
        statement["result"] = event["result"]
    if "registration" in event:
        statement["context"] = {"registration": event["registration"]}
    return statement


def _check_object(value: Any, pointer: str, faults: Faults) -> None:
    if type(value) is not dict:
        check_iri(value, pointer, faults)
        return
    if not _OBJECT.issuperset(value):
        faults.add_unknown(pointer, value, _OBJECT, "an object")
    check_iri(value.get("id", MISSING), f"{pointer}/id", faults)
    if "name" in value:
        check_string(value["name"], f"{pointer}/name", faults)
    if "type" in value:
        check_iri(value["type"], f"{pointer}/type", faults)


def _activity(value: Any) -> dict[str, Any]:
    if type(value) is str:
        return {"id": value}
    definition: dict[str, Any] = {}
    if "name" in value:
        definition["name"] = {_UNKNOWN_LANGUAGE: value["name"]}
    if "type" in value:
        definition["type"] = value["type"]
    return {"id": value["id"], "definition": definition} if definition else {"id": value["id"]}

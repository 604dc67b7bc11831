"""Caliper 1.1 and 1.2: is this an event or an entity, is it valid, and which statement says the same?

Whom an event is about (Caliper 1.1 §2.1, §3.5): the person who acted; but where work was graded, the one whose work it
was, because a score is evidence about them and never about who marked it. What a program, a group or somebody without
a name did is told of nobody. An actor named by an IRI alone counts as a person, unless it is the application itself.

The statement: the actor's IRI as its openid, the action as the IRI that Caliper's context gives it, of an attempt the
thing that was attempted, the generated score, the attempt's duration. All else is kept as it was sent. Not checked:
which actions and entities a metric profile allows, and properties that no rule here reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from services.learning_events.domain.batch import RefusedStatement
from services.learning_events.domain.caliper_form import (
    check_entity,
    check_event,
    iri_of,
    is_event,
    resolved,
)
from services.learning_events.domain.caliper_result import result_of, score_of
from services.learning_events.domain.derived import Reading, ReceivedEntity, derived
from services.learning_events.domain.faults import Faults
from services.learning_events.domain.original import Original, derived_id
from shared.kernel import canonical_json

Entities = Mapping[str, dict[str, Any]]
"""What an envelope describes, by IRI, so that an event in it may name a thing by its IRI alone."""

ACTIONS: Final = "http://purl.imsglobal.org/caliper/actions/"
TYPES: Final = "http://purl.imsglobal.org/caliper/"
_ATTEMPTED: Final = frozenset({"Attempt"})
_PEOPLE: Final = frozenset({"Person", "Agent"})
_TERM: Final = re.compile(r"[A-Z][A-Za-z0-9]*").fullmatch
_ROLES: Final = ("assignee", "member", "annotator", "user")
_NAMELESS: Final = ("_:", "http://purl.imsglobal.org/", "https://purl.imsglobal.org/")
_PLACES: Final = {"/verb/id": "/action"}
_UUID_AT: Final = len("urn:uuid:")


def read_caliper(
    item: Any, raw: bytes, index: int, received_at: datetime, *, envelope: Mapping[str, Any], entities: Entities
) -> Reading:
    """Return the event or entity in `item`, with its statement where somebody acted, or everything wrong with it.

    raw: the bytes of the item. envelope: what it came in; where that names a version, the item need not.
    """
    faults = Faults()
    is_in_envelope = "dataVersion" in envelope
    original = Original("caliper", raw, envelope)
    if not is_event(item):
        check_entity(item, "", faults, is_whole=True, is_in_envelope=is_in_envelope)
        if faults.listed:
            return RefusedStatement(index, tuple(faults.listed))
        return _entity(item, index, original)
    check_event(item, faults, is_in_envelope=is_in_envelope)
    if faults.listed:
        return RefusedStatement(index, tuple(faults.listed), _own_id(item))
    return derived(_statement(item, entities), original, item, index, received_at, _PLACES)


def caliper_identifier(iri: str) -> str:
    """Return the canonical identifier of the person whom Caliper names by this IRI."""
    return f"openid:{iri}"


def _entity(item: dict[str, Any], index: int, original: Original) -> ReceivedEntity:
    """Return an entity under the id that its IRI and its description always get: described anew, it is kept anew."""
    entity = str(item["id"])
    entity_id = derived_id("caliper-entity", entity, canonical_json.digest(item).hex())
    owner = _owner(item)
    return ReceivedEntity(index, entity_id, entity, None if owner is None else caliper_identifier(owner), original)


def _owner(item: dict[str, Any]) -> str | None:
    """Return the IRI of the person whom an entity describes, whose work it is, or whose membership; None for others."""
    if item["type"] == "Person":
        return _named(item)
    attempt = item.get("attempt")
    around = attempt if type(attempt) is dict else {}
    creators = item.get("creators")
    first = creators[0] if type(creators) is list and creators else None
    owners = [*(item.get(role) for role in _ROLES), around.get("assignee"), first]
    return next((_named(one) for one in owners if _is_person(one) and _named(one) is not None), None)


def _statement(event: dict[str, Any], entities: Entities) -> dict[str, Any]:
    target = resolved(event["object"], entities)
    generated = resolved(event.get("generated"), entities)
    attempt = _attempt(target, generated, entities)
    actor = _person(resolved(event["actor"], entities), event)
    context = _context(event, target, entities)
    person = actor
    if event["action"] == "Graded" or score_of(generated) is not None:
        learner = _person(resolved(attempt.get("assignee"), entities), event)
        person = learner if learner is not None or event["action"] == "Graded" else actor
        if actor is not None and actor != person:
            context["instructor"] = {"openid": actor}
    statement = {
        "id": _own_id(event),
        "actor": {"openid": person} if person is not None else _nobody(event),
        "verb": _verb(event["action"]),
        "object": _activity(event, target, attempt, entities),
        "context": context,
        "timestamp": event["eventTime"],
    }
    result = result_of(event["action"], generated, attempt)
    return {**statement, "result": result} if result else statement


def _person(value: Any, event: dict[str, Any]) -> str | None:
    """Return the IRI of a person; None for a program, a group, and who has no name."""
    iri = _named(value) if _is_person(value) else None
    return None if iri is None or iri == iri_of(event.get("edApp")) else iri


def _attempt(target: Any, generated: Any, entities: Entities) -> dict[str, Any]:
    """Return the attempt that the event is about; empty where there is none."""
    of_score = resolved(generated.get("attempt"), entities) if type(generated) is dict else None
    for one in (target, generated, of_score):
        if type(one) is dict and one.get("type") in _ATTEMPTED:
            return one
    return {}


def _is_person(value: Any) -> bool:
    """Say whether this may be a person: it says so, or it is an IRI that says nothing."""
    return type(value) is str or (type(value) is dict and value.get("type") in _PEOPLE)


def _named(value: Any) -> str | None:
    """Return the IRI of an entity; None for a blank node, and for Caliper's own terms, which stand for anybody."""
    iri = iri_of(value)
    return (
        None
        if iri is None or iri.startswith(("_:", "http://purl.imsglobal.org/", "https://purl.imsglobal.org/"))
        else iri
    )


def _nobody(event: dict[str, Any]) -> dict[str, Any]:
    """Return who acted as a Group without a name, of which nothing is told."""
    iri = iri_of(event["actor"]) or ""
    member = {"account": {"homePage": event["id"], "name": iri}} if iri.startswith("_:") else {"openid": iri}
    return {"objectType": "Group", "member": [member]}


def _verb(action: str) -> dict[str, Any]:
    return {"id": ACTIONS + action, "display": {"en": action}} if _TERM(action) else {"id": action}


def _activity(event: dict[str, Any], target: Any, attempt: dict[str, Any], entities: Entities) -> dict[str, Any]:
    """Return what was acted on; of an attempt what was attempted."""
    if target is attempt and attempt.get("assignable") is not None:
        target = resolved(attempt["assignable"], entities)
    iri = iri_of(target) or ""
    # A blank node has a meaning inside its document only (§4.2): here, inside its event.
    activity: dict[str, Any] = {"id": f"{event['id']}#{iri}" if iri.startswith("_:") else iri}
    definition: dict[str, Any] = {}
    if type(target) is dict:
        if type(target.get("name")) is str:
            definition["name"] = {"und": target["name"]}
        if _TERM(target["type"]):
            definition["type"] = TYPES + target["type"]
    return {**activity, "definition": definition} if definition else activity


def _context(event: dict[str, Any], target: Any, entities: Entities) -> dict[str, Any]:
    context: dict[str, Any] = {}
    application = iri_of(event.get("edApp"))
    if application is not None:
        context["platform"] = application
    around = {
        "parent": _named(resolved(target.get("isPartOf"), entities)) if type(target) is dict else None,
        "grouping": _named(resolved(event.get("group"), entities)),
    }
    activities = {role: [{"id": iri}] for role, iri in around.items() if iri is not None}
    return {**context, "contextActivities": activities} if activities else context


def _own_id(event: dict[str, Any]) -> str:
    """Return the UUID of an event; empty where it has none."""
    own = event.get("id")
    return own[_UUID_AT:].lower() if type(own) is str and own[:_UUID_AT].lower() == "urn:uuid:" else ""

"""What a statement is found by: one text for each thing that a filter can name (xAPI part 3, 2.1.3).

A search is an intersection of such texts, so the same functions name what is stored and what is asked for. Groups
count by their own identifier and by each member's. The properties of a SubStatement count for the broad filters only.
"""

from __future__ import annotations

from typing import Any, Final

from services.learning_events.domain.actor import IDENTIFIERS, identifier

ANY: Final = "any"
"""What every statement is found by."""


def terms_of(statement: dict[str, Any]) -> tuple[str, ...]:
    """Return all that a checked statement is found by, each once; not its key, which no statement names."""
    agents: set[str] = set()
    activities: set[str] = set()
    _add_actor(statement["actor"], agents)
    target = statement["object"]
    kind = target.get("objectType", "Activity")
    terms = [ANY, verb_term(statement["verb"]["id"])]
    if kind == "Activity":
        terms.append(activity_term(target["id"], is_broad=False))
    elif kind in ("Agent", "Group"):
        _add_actor(target, agents)
    terms += [agent_term(name, is_broad=False) for name in agents]
    _add_related(statement, kind, agents, activities)
    terms += [agent_term(name, is_broad=True) for name in agents]
    terms += [activity_term(name, is_broad=True) for name in activities]
    registration = statement["context"].get("registration") if "context" in statement else None
    if registration is not None:
        terms.append(registration_term(registration))
    return tuple(terms)


def agent_term(name: str, *, is_broad: bool) -> str:
    """Return what is found by an actor's canonical text: as actor or object, or anywhere in the statement."""
    return f"related-agent={name}" if is_broad else f"agent={name}"


def activity_term(iri: str, *, is_broad: bool) -> str:
    """Return what is found by an Activity: as object, or anywhere in the statement."""
    return f"related-activity={iri}" if is_broad else f"activity={iri}"


def verb_term(iri: str) -> str:
    """Return what is found by a verb."""
    return f"verb={iri}"


def registration_term(registration: str) -> str:
    """Return what is found by a registration, in whatever case it is spelled."""
    return f"registration={registration.lower()}"


def key_term(key: str) -> str:
    """Return what is found by the API key that statements came by, which is their authority."""
    return f"key={key}"


def target_of_reference(statement: dict[str, Any]) -> str | None:
    """Return the id of the statement that a checked statement's object refers to; None where it is something else."""
    target = statement["object"]
    return str(target["id"]).lower() if target.get("objectType") == "StatementRef" else None


def _add_related(statement: dict[str, Any], kind: str, agents: set[str], activities: set[str]) -> None:
    """Add whoever and whatever is anywhere in a statement, but for its actor and an object that is one."""
    target = statement["object"]
    if kind == "Activity":
        activities.add(target["id"])
    elif kind == "SubStatement":
        _add_actor(target["actor"], agents)
        inner = target["object"].get("objectType", "Activity")
        if inner in ("Agent", "Group"):
            _add_actor(target["object"], agents)
        _add_related(target, inner, agents, activities)
    if "context" in statement:
        _add_context(statement["context"], agents, activities)


def _add_context(context: dict[str, Any], agents: set[str], activities: set[str]) -> None:
    for role in ("instructor", "team"):
        if role in context:
            _add_actor(context[role], agents)
    for some in context.get("contextActivities", {}).values():
        for activity in some if type(some) is list else [some]:
            activities.add(activity["id"])
    for party in context.get("contextAgents", ()):
        _add_actor(party["agent"], agents)
    for party in context.get("contextGroups", ()):
        _add_actor(party["group"], agents)


def _add_actor(actor: dict[str, Any], agents: set[str]) -> None:
    if any(name in actor for name in IDENTIFIERS):
        agents.add(identifier(actor, ""))
    for member in actor.get("member", ()):
        _add_actor(member, agents)

"""What a statement is found by: one text for each thing that a filter can name (xAPI part 3, 2.1.3).

A search is an intersection of such texts, so the same functions name what is stored and what is asked for. Groups
count by their own identifier and by each member's. The properties of a SubStatement count for the broad filters only.
"""

from __future__ import annotations

from typing import Any, Final

from services.learning_events.domain.actor import identifier, is_identified

ANY: Final = "any"
"""What every statement is found by."""
_AGENT: Final = ("agent=", "related-agent=")
_ACTIVITY: Final = ("activity=", "related-activity=")
_PARTIES: Final = (("contextAgents", "agent"), ("contextGroups", "group"))


def terms_of(statement: dict[str, Any]) -> tuple[str, ...]:
    """Return all that a checked statement is found by, each once; not its key, which no statement names."""
    agents: set[str] = set()
    activities: set[str] = set()
    _add_actor(statement["actor"], agents)
    target = statement["object"]
    kind = target.get("objectType", "Activity")
    terms = [ANY, verb_term(statement["verb"]["id"])]
    if kind == "Activity":
        terms.append(_ACTIVITY[False] + target["id"])
    elif kind in ("Agent", "Group"):
        _add_actor(target, agents)
    terms += [_AGENT[False] + name for name in agents]
    _add_related(statement, kind, agents, activities)
    terms += [_AGENT[True] + name for name in agents]
    terms += [_ACTIVITY[True] + name for name in activities]
    if "context" in statement and "registration" in statement["context"]:
        terms.append(registration_term(statement["context"]["registration"]))
    return tuple(terms)


def agent_terms(actor: dict[str, Any]) -> tuple[str, ...]:
    """Return what a statement is found by whose actor this is."""
    agents: set[str] = set()
    _add_actor(actor, agents)
    return tuple([prefix + name for prefix in _AGENT for name in agents])


def agent_term(name: str, *, is_broad: bool) -> str:
    """Return what is found by an actor's canonical text: as actor or object, or anywhere in the statement."""
    return _AGENT[is_broad] + name


def activity_term(iri: str, *, is_broad: bool) -> str:
    """Return what is found by an Activity: as object, or anywhere in the statement."""
    return _ACTIVITY[is_broad] + iri


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
    if "contextActivities" in context:
        for some in context["contextActivities"].values():
            for activity in some if type(some) is list else [some]:
                activities.add(activity["id"])
    for parties, role in _PARTIES:
        if parties in context:
            for party in context[parties]:
                _add_actor(party[role], agents)


def _add_actor(actor: dict[str, Any], agents: set[str]) -> None:
    if is_identified(actor):
        agents.add(identifier(actor, ""))
    if "member" in actor:
        for member in actor["member"]:
            _add_actor(member, agents)

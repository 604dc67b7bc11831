"""A statement in one of its forms: as it came, by identifiers only, or in one language (xAPI part 3, 2.1.3, `format`).

`ids` leaves of Agents, Groups, Verbs and Activities what identifies them. `canonical` chooses one language of every
language map; the definitions are the statement's own. Neither touches extensions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from services.learning_events.domain.activity import COMPONENT_LISTS
from services.learning_events.domain.actor import IDENTIFIERS
from services.learning_events.domain.filters import Format

LANGUAGES_MAX: Final = 20
"""Languages of an Accept-Language header that are looked at."""
_RANGE: Final = re.compile(
    r"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)(?:[ \t]*;[ \t]*q=([01](?:\.[0-9]{0,3})?))?"
).fullmatch
_FALLBACK: Final = ("und", "en")

Change = Callable[[dict[str, Any]], dict[str, Any]]


def presented(statement: dict[str, Any], form: Format, languages: Sequence[str]) -> dict[str, Any]:
    """Return a served statement in this form. languages: those that the reader wants, the dearest first."""
    if form is Format.IDS:
        return _changed(statement, _identified, lambda verb: {"id": verb["id"]}, lambda one: {"id": one["id"]})
    if form is Format.CANONICAL:
        choose = _chooser(languages)
        return _changed(statement, lambda actor: actor, choose, lambda one: _with_definition(one, choose))
    return statement


def languages_of(header: str | None) -> list[str]:
    """Return the languages of an Accept-Language header (RFC 9110 §12.5.4), the dearest first; malformed ones not."""
    wanted: list[tuple[float, str]] = []
    for text in (header or "").split(",")[:LANGUAGES_MAX]:
        match = _RANGE(text.strip())
        if match is not None and match[1] != "*":
            wanted.append((float(match[2] or 1), match[1].lower()))
    return [name for weight, name in sorted(wanted, key=lambda one: -one[0]) if weight > 0]


def _changed(statement: dict[str, Any], actor: Change, verb: Change, activity: Change) -> dict[str, Any]:
    form = {**statement, "actor": actor(statement["actor"]), "verb": verb(statement["verb"])}
    target = statement["object"]
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        form["object"] = activity(target)
    elif kind in ("Agent", "Group"):
        form["object"] = actor(target)
    elif kind == "SubStatement":
        form["object"] = _changed(target, actor, verb, activity)
    if "authority" in statement:
        form["authority"] = actor(statement["authority"])
    if "context" in statement:
        form["context"] = _changed_context(statement["context"], actor, activity)
    return form


def _changed_context(context: dict[str, Any], actor: Change, activity: Change) -> dict[str, Any]:
    form = dict(context)
    for role in ("instructor", "team"):
        if role in context:
            form[role] = actor(context[role])
    if "contextActivities" in context:
        form["contextActivities"] = {
            kind: [activity(one) for one in some] for kind, some in context["contextActivities"].items()
        }
    for name, role in (("contextAgents", "agent"), ("contextGroups", "group")):
        if name in context:
            form[name] = [{**party, role: actor(party[role])} for party in context[name]]
    return form


def _identified(actor: dict[str, Any]) -> dict[str, Any]:
    """Return what identifies an actor: an anonymous Group by its members."""
    kept = {name: value for name, value in actor.items() if name == "objectType" or name in IDENTIFIERS}
    if not any(name in actor for name in IDENTIFIERS):
        kept["member"] = [_identified(member) for member in actor.get("member", ())]
    return kept


def _with_definition(activity: dict[str, Any], choose: Change) -> dict[str, Any]:
    if "definition" not in activity:
        return activity
    definition = choose(activity["definition"])
    for name in COMPONENT_LISTS:
        if name in definition:
            definition[name] = [choose(component) for component in definition[name]]
    return {**activity, "definition": definition}


def _chooser(languages: Sequence[str]) -> Change:
    """Return what leaves one language of each language map of an object."""

    def choose(value: dict[str, Any]) -> dict[str, Any]:
        return {
            name: _chosen(member, languages) if name in ("name", "description", "display") else member
            for name, member in value.items()
        }

    return choose


def _chosen(texts: Mapping[str, str], languages: Sequence[str]) -> dict[str, str]:
    """Return the entry that suits best: the language itself, shortened (RFC 4647 §3.4), or a variant of it."""
    tags = {tag.lower(): tag for tag in texts}
    for language in (*languages, *_FALLBACK):
        parts = language.split("-")
        for length in range(len(parts), 0, -1):
            shorter = "-".join(parts[:length])
            near = next((tag for tag in tags if tag == shorter or tag.startswith(f"{shorter}-")), None)
            if near is not None:
                return {tags[near]: texts[tags[near]]}
    return dict(list(texts.items())[:1])

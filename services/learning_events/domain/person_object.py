"""The Person Object: everything by which one Agent is known, each kind of identifier in an array (xAPI part 3, 2.4).

It is a view and no claim: what was asked for stands in it, and beside it the identifiers of the accounts that identity
says are the same person's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.learning_events.domain.actor import IDENTIFIERS, identifier


def person_object(agent: dict[str, Any], others: Iterable[str] = ()) -> dict[str, Any]:
    """Return the Person Object of a checked agent. others: canonical texts of the person's identifiers.

    In each array what was asked for comes first and the others follow in their order, none of them twice; a kind that
    nothing is known of is left out.
    """
    person: dict[str, Any] = {"objectType": "Person"}
    if "name" in agent:
        person["name"] = [agent["name"]]
    for kind in IDENTIFIERS:
        if kind in agent:
            person[kind] = [agent[kind]]
    for other in sorted(set(others) - {identifier(agent, "")}):
        kind, value = _identifier_of(other)
        person.setdefault(kind, []).append(value)
    return person


def _identifier_of(text: str) -> tuple[str, Any]:
    """Return the kind and the value of a canonical text; the forms stand at the head of `actor.py`."""
    kind, _, value = text.partition(":")
    if kind == "account":
        home_page, _, name = value.partition("|")
        return kind, {"homePage": home_page, "name": name}
    return kind, f"mailto:{value}" if kind == "mbox" else value

"""What a GET of statements asks for, read from its query (xAPI part 3, 2.1.3): which statements, and in what form.

Nothing is guessed: a parameter that is not known, stands beside one that excludes it, or has another form than the
standard gives it is refused with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from services.learning_events.domain.actor import identifier
from services.learning_events.domain.agent_parameter import read_agent
from services.learning_events.domain.faults import Faults
from services.learning_events.domain.formats import check_iri, check_timestamp, check_uuid, instant, is_uuid
from services.learning_events.domain.search import FOR_EVER, SINCE_EVER, Search
from services.learning_events.domain.terms import (
    ANY,
    activity_term,
    agent_term,
    key_term,
    registration_term,
    verb_term,
)
from shared.kernel.errors import Rejected

PAGE_MAX: Final = 100
"""Statements of one page, also where more or no limit is asked for."""

_ONE: Final = ("statementId", "voidedStatementId")
_FORM: Final = frozenset({"format", "attachments"})
_FILTERS: Final = frozenset({"agent", "verb", "activity", "registration", "since", "until", "limit", "ascending"})
_BROAD: Final = frozenset({"related_activities", "related_agents"})
CURSOR: Final = "cursor"
"""The parameter of `more` links."""
KNOWN: Final = frozenset({*_ONE, *_FORM, *_FILTERS, *_BROAD, CURSOR})
"""Every parameter that a GET of statements may have."""


class Format(Enum):
    """How much of a statement is given back."""

    IDS = "ids"
    EXACT = "exact"
    CANONICAL = "canonical"


@dataclass(frozen=True, slots=True)
class Form:
    """In what form statements are given back."""

    format: Format
    has_attachments: bool


def form_of(query: Mapping[str, str]) -> Form:
    """Return the form that is asked for. Raises Rejected, also for a parameter that is not known at all."""
    for name in query:
        if name not in KNOWN:
            rule = "statements are not asked for by such a parameter"
            raise Rejected.of(name[:80], rule, f"Name some of {', '.join(sorted(KNOWN - {CURSOR}))}.")
    text = query.get("format", Format.EXACT.value)
    try:
        chosen = Format(text)
    except ValueError:
        forms = ", ".join(one.value for one in Format)
        raise Rejected.of("format", "it is no form of statements", f"Name one of {forms}, in lower case.") from None
    return Form(chosen, _boolean(query, "attachments"))


def one_asked_for(query: Mapping[str, str]) -> tuple[str, bool] | None:
    """Return the id of the one statement that is asked for, and whether as a void one; None where many are.

    Raises Rejected where it is no UUID, or stands beside anything but format and attachments.
    """
    named = [name for name in _ONE if name in query]
    if not named:
        return None
    for name in query:
        if name != named[0] and name not in _FORM:
            raise Rejected.of(name, f"it does not stand beside {named[0]}", "Ask for one statement, or for many.")
    value = query[named[0]]
    if not is_uuid(value):
        raise Rejected.of(named[0], "it is no UUID in its standard form (RFC 9562)", "Send the statement's id.")
    return value.lower(), named[0] == "voidedStatementId"


def search_of(query: Mapping[str, str], home_page: str) -> Search:
    """Return which statements are asked for. Raises Rejected for the first parameter that is not in its form.

    home_page: of the accounts that stand for keys in authorities.
    """
    is_ascending = _boolean(query, "ascending")
    since = _time(query, "since", SINCE_EVER)
    until = _time(query, "until", FOR_EVER)
    return Search(_terms(query, home_page), since, until, _limit(query), is_ascending)


def _terms(query: Mapping[str, str], home_page: str) -> tuple[str, ...]:
    broad_agents, broad_activities = (_boolean(query, f"related_{name}") for name in ("agents", "activities"))
    terms: list[str] = []
    if "agent" in query:
        terms.append(_agent_term(query["agent"], home_page, is_broad=broad_agents))
    if "registration" in query:
        terms.append(registration_term(_checked(query, "registration", check_uuid)))
    if "activity" in query:
        terms.append(activity_term(_checked(query, "activity", check_iri), is_broad=broad_activities))
    if "verb" in query:
        terms.append(verb_term(_checked(query, "verb", check_iri)))
    return tuple(terms) or (ANY,)


def _agent_term(text: str, home_page: str, *, is_broad: bool) -> str:
    """Return what an agent is found by. An authority is a key: asked for broadly, its account stands for the key."""
    name = identifier(read_agent(text), "")
    authority = f"account:{home_page}|"
    if is_broad and name.startswith(authority):
        return key_term(name.removeprefix(authority))
    return agent_term(name, is_broad=is_broad)


def _checked(query: Mapping[str, str], name: str, check: Callable[[str, str, Faults], None]) -> str:
    faults = Faults()
    check(query[name], name, faults)
    if faults.listed:
        fault = faults.listed[0]
        raise Rejected.of(fault.pointer, fault.rule, fault.mend)
    return query[name]


def _boolean(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise Rejected.of(name, "it is neither true nor false", "Write true or false, in lower case.")
    return text == "true"


def _time(query: Mapping[str, str], name: str, default: datetime) -> datetime:
    return instant(_checked(query, name, check_timestamp)) if name in query else default


def _limit(query: Mapping[str, str]) -> int:
    """Return how many statements a page may have; 0 asks for as many as are given at once."""
    text = query.get("limit", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Rejected.of("limit", "it is no whole number from 0 on", f"Send 0 to {PAGE_MAX}; more is taken as that.")
    return min(int(text) or PAGE_MAX, PAGE_MAX)

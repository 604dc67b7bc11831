"""What statements repeat – an actor, a verb, an Activity, the Activities around it – is looked at once.

A platform sends the same few hundred of them again and again. Each is remembered by its spelling, which stands for no
other value, and only if nothing is wrong with it: a fault is found anew each time, at its place. What is remembered is
a function of the spelling alone, so that it can be forgotten at any time; the memories keep the most recent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar, cast

from services.learning_events.domain.activity import check_activity
from services.learning_events.domain.activity_definition import GivenDefinition, given_by
from services.learning_events.domain.actor import check_actor, identifier, is_identified
from services.learning_events.domain.context import check_context_activities
from services.learning_events.domain.faults import Faults
from services.learning_events.domain.terms import ANY, activity_term, agent_terms, registration_term, verb_term
from services.learning_events.domain.verb import check_verb
from shared.kernel import canonical_json

ACTORS_MAX: Final = 16_384
OTHERS_MAX: Final = 2_048
"""Of each other kind."""
BYTES_MAX: Final = 2_048
"""Of one spelling; with what it is found by, the memories take at most about 100 MB, and 15 MB of usual statements."""


class RecurringActor(NamedTuple):
    """A valid Agent or Group with an identifier. terms: what a statement by it is found by."""

    identifier: str
    is_group: bool
    terms: tuple[str, ...]


class RecurringVerb(NamedTuple):
    """A valid verb."""

    id: str
    term: str


class RecurringActivity(NamedTuple):
    """A valid Activity. terms: what a statement about it is found by."""

    id: str
    terms: tuple[str, ...]
    definitions: tuple[GivenDefinition, ...]


class RecurringSurroundings(NamedTuple):
    """Valid contextActivities. terms: what a statement in their midst is found by."""

    terms: tuple[str, ...]
    definitions: tuple[GivenDefinition, ...]


class Recurring(NamedTuple):
    """The parts of one statement that are known to be valid; None where one is not known, or is not there."""

    actor: RecurringActor | None = None
    verb: RecurringVerb | None = None
    activity: RecurringActivity | None = None
    surroundings: RecurringSurroundings | None = None


NOTHING: Final = Recurring()
_EMPTY: Final[dict[str, Any]] = {}
_FOUND_BY_TERMS: Final = frozenset({"instructor", "team", "contextAgents", "contextGroups"})
"""What else in a context a statement is found by."""
K = TypeVar("K")


def recurring_in(statement: Any) -> Recurring:
    """Return what is known of a parsed JSON value, which need not be a statement."""
    if type(statement) is not dict:
        return NOTHING
    target = statement.get("object")
    context = statement.get("context")
    is_activity = type(target) is dict and target.get("objectType", "Activity") == "Activity"
    return Recurring(
        _known(_actor, statement.get("actor")),
        _known(_verb, statement.get("verb")),
        _known(_activity, target) if is_activity else None,
        _known(_surroundings, context.get("contextActivities")) if type(context) is dict else None,
    )


def terms_known(statement: dict[str, Any], known: Recurring) -> tuple[str, ...] | None:
    """Return what a checked statement is found by, each once; None where more is to be looked at than is known."""
    actor, verb, activity, around = known
    if actor is None or verb is None or activity is None:
        return None
    context = statement.get("context", _EMPTY)
    if not _FOUND_BY_TERMS.isdisjoint(context) or (around is None and "contextActivities" in context):
        return None
    terms = (ANY, verb.term, *actor.terms, *activity.terms)
    if around is not None:
        terms += tuple([term for term in around.terms if term not in activity.terms])
    return (*terms, registration_term(context["registration"])) if "registration" in context else terms


def definitions_known(statement: dict[str, Any], known: Recurring) -> tuple[GivenDefinition, ...] | None:
    """Return what a checked statement tells of Activities; None where more is to be looked at than is known."""
    if known.activity is None:
        return None
    if known.surroundings is not None:
        return known.activity.definitions + known.surroundings.definitions
    return None if "contextActivities" in statement.get("context", _EMPTY) else known.activity.definitions


def _known(look: Callable[[bytes], K | None], value: Any) -> K | None:
    if type(value) is not dict:
        return None
    spelling = canonical_json.spelling(value)
    return look(spelling) if len(spelling) <= BYTES_MAX else None


@lru_cache(maxsize=ACTORS_MAX)
def _actor(spelling: bytes) -> RecurringActor | None:
    actor, faults = _read(spelling), Faults()
    check_actor(actor, "", faults)
    if faults.listed or not is_identified(actor):
        return None
    return RecurringActor(identifier(actor, ""), actor.get("objectType") == "Group", agent_terms(actor))


@lru_cache(maxsize=OTHERS_MAX)
def _verb(spelling: bytes) -> RecurringVerb | None:
    verb, faults = _read(spelling), Faults()
    check_verb(verb, "", faults)
    return None if faults.listed else RecurringVerb(verb["id"], verb_term(verb["id"]))


@lru_cache(maxsize=OTHERS_MAX)
def _activity(spelling: bytes) -> RecurringActivity | None:
    activity, faults = _read(spelling), Faults()
    check_activity(activity, "", faults)
    if faults.listed:
        return None
    iri = activity["id"]
    terms = (activity_term(iri, is_broad=False), activity_term(iri, is_broad=True))
    return RecurringActivity(iri, terms, given_by([activity]))


@lru_cache(maxsize=OTHERS_MAX)
def _surroundings(spelling: bytes) -> RecurringSurroundings | None:
    around, faults = _read(spelling), Faults()
    check_context_activities(around, "", faults)
    if faults.listed:
        return None
    listed = [one for some in around.values() for one in (some if type(some) is list else [some])]
    terms = dict.fromkeys([activity_term(one["id"], is_broad=True) for one in listed])
    return RecurringSurroundings(tuple(terms), given_by(listed))


def _read(spelling: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", canonical_json.loads(spelling))

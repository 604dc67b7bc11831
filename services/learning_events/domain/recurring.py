"""What statements repeat – an actor, a verb, an Activity, the Activities around it – is looked at once.

A platform sends the same few hundred of them again and again. Each is remembered by its spelling, which stands for no
other value, and only if nothing is wrong with it: a fault is found anew each time, at its place. What is remembered is
a function of the spelling alone, so that it can be forgotten at any time: a memory that is full begins anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

from services.learning_events.domain.activity import check_activity
from services.learning_events.domain.activity_definition import GivenDefinition, given_by
from services.learning_events.domain.actor import check_actor, identifier, is_identified
from services.learning_events.domain.context import check_context_activities
from services.learning_events.domain.faults import Faults
from services.learning_events.domain.terms import ANY, activity_term, agent_terms, registration_term, verb_term
from services.learning_events.domain.verb import check_verb
from shared.kernel import canonical_json

ACTORS_MAX: Final = 16_384
ACTOR_BYTES_MAX: Final = 512
"""Of one actor's spelling."""
OTHERS_MAX: Final = 1_024
"""Of each other kind."""
BYTES_MAX: Final = 2_048
"""Of one spelling; with all that is worked out, the memories take at most 110 MB, and 15 MB of usual statements."""


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
        _ACTORS.of(statement.get("actor")),
        _VERBS.of(statement.get("verb")),
        _ACTIVITIES.of(target) if is_activity else None,
        _SURROUNDINGS.of(context.get("contextActivities")) if type(context) is dict else None,
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


class _Memory(Generic[K]):
    """What is known of values of one kind, by their spelling. look: tells of one that is not known yet."""

    def __init__(self, look: Callable[[dict[str, Any]], K | None], entries_max: int, bytes_max: int) -> None:
        self._look = look
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._known: dict[bytes, K | None] = {}

    def of(self, value: Any) -> K | None:
        """Return what is known of a value; None too where it is none of this kind, is wrong or too long."""
        if type(value) is not dict:
            return None
        spelling = canonical_json.spelling(value)
        try:
            return self._known[spelling]
        except KeyError:
            return self._learned(spelling) if len(spelling) <= self._bytes_max else None

    def _learned(self, spelling: bytes) -> K | None:
        """Look at the value, read anew so that nobody else holds it, and remember what was seen."""
        known = self._look(cast("dict[str, Any]", canonical_json.loads(spelling)))
        if len(self._known) >= self._entries_max:
            self._known.clear()
        self._known[canonical_json.kept(spelling)] = known
        return known


def _look_at_actor(actor: dict[str, Any]) -> RecurringActor | None:
    faults = Faults()
    check_actor(actor, "", faults)
    if faults.listed or not is_identified(actor):
        return None
    return RecurringActor(identifier(actor, ""), actor.get("objectType") == "Group", agent_terms(actor))


def _look_at_verb(verb: dict[str, Any]) -> RecurringVerb | None:
    faults = Faults()
    check_verb(verb, "", faults)
    return None if faults.listed else RecurringVerb(verb["id"], verb_term(verb["id"]))


def _look_at_activity(activity: dict[str, Any]) -> RecurringActivity | None:
    faults = Faults()
    check_activity(activity, "", faults)
    if faults.listed:
        return None
    iri = activity["id"]
    terms = (activity_term(iri, is_broad=False), activity_term(iri, is_broad=True))
    return RecurringActivity(iri, terms, given_by([activity]))


def _look_at_surroundings(around: dict[str, Any]) -> RecurringSurroundings | None:
    faults = Faults()
    check_context_activities(around, "", faults)
    if faults.listed:
        return None
    listed = [one for some in around.values() for one in (some if type(some) is list else [some])]
    terms = dict.fromkeys([activity_term(one["id"], is_broad=True) for one in listed])
    return RecurringSurroundings(tuple(terms), given_by(listed))


_ACTORS: Final = _Memory(_look_at_actor, ACTORS_MAX, ACTOR_BYTES_MAX)
_VERBS: Final = _Memory(_look_at_verb, OTHERS_MAX, BYTES_MAX)
_ACTIVITIES: Final = _Memory(_look_at_activity, OTHERS_MAX, BYTES_MAX)
_SURROUNDINGS: Final = _Memory(_look_at_surroundings, OTHERS_MAX, BYTES_MAX)

"""Is this the statement we already have, or another one under its id (part 2, section 2.3.1)?

A statement never changes, so one that comes again under its id is a duplicate (nothing to do) or a conflict (409).
The specification lists differences that a store on the way may have caused; they are ignored, all others count:

* ignored: `id`, `authority`, `stored`, `version`; a `timestamp` that one side lacks, and how an instant is spelled;
  verbs' `display`, Activities' `definition`, the order of a Group's members, `attachments`; the case of UUIDs, of
  hex digits, of language tags and of the domain in an mbox; one context Activity with or without its array;
  in a duration whatever is finer than 0.01 s (4.6).
* counted: everything else, a duration being a text (PT60S is not PT1M) and an omitted objectType a difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from services.learning_events.domain.erased_identifiers import is_redacted, is_same_but_for_the_erased
from services.learning_events.domain.formats import instant
from shared.kernel import canonical_json

_SET_BY_STORES: Final = frozenset({"id", "authority", "stored", "version", "attachments", "timestamp"})
_FINE_SECONDS: Final = re.compile(r"([.,][0-9]{2})[0-9]+(?=S)")


def is_same_statement(kept: dict[str, Any], sent: dict[str, Any]) -> bool:
    """Say whether two checked statements differ only in what a store may have caused.

    Whoever was erased from the kept one may be anybody in the other.
    """
    form = comparable_form(kept)
    if form != comparable_form(sent) and not _may_have_named_the_erased(form, kept, sent):
        return False
    return _may_be_same_time(kept, sent) and _may_be_same_time(_sub_statement(kept), _sub_statement(sent))


def _may_have_named_the_erased(form: bytes, kept: dict[str, Any], sent: dict[str, Any]) -> bool:
    return is_redacted(form) and is_same_but_for_the_erased(_comparable(kept), _comparable(sent))


def comparable_form(statement: dict[str, Any]) -> bytes:
    """Return canonical JSON of all that must be equal in two copies of a statement, but for the timestamps."""
    return canonical_json.dumps(_comparable(statement))


def _comparable(statement: dict[str, Any]) -> dict[str, Any]:
    form = {name: value for name, value in statement.items() if name not in _SET_BY_STORES}
    form["actor"] = _comparable_actor(form["actor"])
    form["verb"] = form["verb"]["id"]
    form["object"] = _comparable_object(form["object"])
    if "result" in form:
        form["result"] = _comparable_result(form["result"])
    if "context" in form:
        form["context"] = _comparable_context(form["context"])
    return form


def _comparable_actor(actor: dict[str, Any]) -> dict[str, Any]:
    form = dict(actor)
    if "mbox" in form:
        local, at, domain = form["mbox"].rpartition("@")
        form["mbox"] = local + at + domain.lower()
    if "mbox_sha1sum" in form:
        form["mbox_sha1sum"] = form["mbox_sha1sum"].lower()
    if "member" in form:
        form["member"] = sorted((_comparable_actor(member) for member in form["member"]), key=canonical_json.dumps)
    return form


def _comparable_object(target: dict[str, Any]) -> dict[str, Any]:
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        return _without_definition(target)
    if kind == "StatementRef":
        return {**target, "id": target["id"].lower()}
    return _comparable(target) if kind == "SubStatement" else _comparable_actor(target)


def _comparable_result(result: dict[str, Any]) -> dict[str, Any]:
    if "duration" not in result:
        return result
    return {**result, "duration": _FINE_SECONDS.sub(r"\1", result["duration"])}


def _comparable_context(context: dict[str, Any]) -> dict[str, Any]:
    form = dict(context)
    for name, compare in _CONTEXT_FORMS.items():
        if name in form:
            form[name] = compare(form[name])
    return form


def _comparable_context_activities(value: dict[str, Any]) -> dict[str, Any]:
    arrays = {kind: some if isinstance(some, list) else [some] for kind, some in value.items()}
    return {kind: [_without_definition(activity) for activity in some] for kind, some in arrays.items()}


def _comparable_parties(parties: list[dict[str, Any]]) -> list[dict[str, Any]]:
    roles = ("agent", "group")
    return [
        {name: _comparable_actor(value) if name in roles else value for name, value in party.items()}
        for party in parties
    ]


def _without_definition(activity: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in activity.items() if name != "definition"}


def _sub_statement(statement: dict[str, Any]) -> dict[str, Any]:
    target: dict[str, Any] = statement["object"]
    return target if target.get("objectType") == "SubStatement" else {}


def _may_be_same_time(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Say whether both name one instant, to the millisecond that a store must keep; one that is missing may be any."""
    first, second = one.get("timestamp"), other.get("timestamp")
    if first is None or second is None:
        return True
    return _milliseconds(instant(first)) == _milliseconds(instant(second))


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


_CONTEXT_FORMS: Final[dict[str, Callable[[Any], Any]]] = {
    "registration": str.lower,
    "language": str.lower,
    "instructor": _comparable_actor,
    "team": _comparable_actor,
    "statement": _comparable_object,
    "contextActivities": _comparable_context_activities,
    "contextAgents": _comparable_parties,
    "contextGroups": _comparable_parties,
}

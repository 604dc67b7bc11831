"""What goes over the wire, and what a reply means for each item of a batch. Pure: no socket, no clock.

Statements go to the bulk door, which answers for each of them; a server without it is asked by the standard's POST,
which takes all or none and names those it refuses. A reply counts as taken only when it names every item that was sent:
a 200 of a log-in page in between is no receipt. A refusal counts only when it is a problem+json of ours that points at
items; anything else is the way's fault or ours, and the batch waits.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .backoff import retry_after_seconds
from .item import Item
from .progress import Reason, Refusal

BULK_PATH: Final = "/v1/statements:bulk"
STATEMENTS_PATH: Final = "/xapi/statements"
EVENTS_PATH: Final = "/v1/events"
GZIP_BYTES_MIN: Final = 1024
"""Smaller bodies gain nothing."""
GZIP_LEVEL: Final = 3
"""Close to the size of level 6 in half the time."""
PROBLEM_LENGTH_MAX: Final = 500
"""Characters of a server's sentence that are passed on."""

_ITEM_POINTER: Final = re.compile(r"/([0-9]{1,5})(/.*)?", re.DOTALL).fullmatch
_RETRIED: Final = frozenset({401, 403, 408, 425, 429})
"""Refusals of the request, never of an item in it."""
_TAKING: Final = frozenset({"stored", "duplicate"})
_REFUSING: Final = frozenset({"conflict", "invalid"})
_UNSUPPORTED: Final = frozenset({405, 415})
_TAKES_NO_EVENTS: Final = Refusal(
    "unsupported",
    (Reason("", "this server takes no CloudEvents", "Send an xAPI statement, or resend() when the server is newer."),),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One POST: a batch of statements or of events."""

    path: str
    headers: dict[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply: status, headers with lower-case names, body."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reply means. Items that are neither taken nor refused wait.

    taken, refused: by place in the batch.
    problem: why the batch as a whole was not looked at; then nothing is taken or refused.
    after_seconds: how long the server asks to be left alone.
    is_too_much: whether the batch was refused without a word on which item, so that smaller ones must tell.
    """

    taken: frozenset[int] = frozenset()
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    problem: str | None = None
    after_seconds: float | None = None
    is_too_much: bool = False


def request_for(items: Sequence[Item], *, is_gzipped: bool, is_bulk: bool) -> Request:
    """Return the POST that delivers the items: all statements, or all events.

    is_bulk: whether statements go to the door that answers for each.
    """
    content = b"[" + b",".join(item.body for item in items) + b"]"
    headers = {"accept": "application/json, application/problem+json"}
    if items[0].is_statement:
        path = BULK_PATH if is_bulk else STATEMENTS_PATH
        headers |= {"content-type": "application/json", "x-experience-api-version": "2.0.0"}
    else:
        path = EVENTS_PATH
        headers |= {"content-type": "application/cloudevents-batch+json"}
    if is_gzipped and len(content) >= GZIP_BYTES_MIN:
        content = gzip.compress(content, GZIP_LEVEL, mtime=0)
        headers["content-encoding"] = "gzip"
    return Request(path, headers, content)


def judged(answer: Answer, items: Sequence[Item]) -> Verdict:
    """Return what the reply means for the items of its request."""
    body = _json(answer.content)
    if 200 <= answer.status < 300:
        return _receipt(body, items)
    problem = body if isinstance(body, dict) and _is_problem(answer) else {}
    if problem and answer.status in _UNSUPPORTED and not items[0].is_statement:
        return Verdict(refused=dict.fromkeys(range(len(items)), _TAKES_NO_EVENTS))
    if 400 <= answer.status < 500 and answer.status not in _RETRIED and (problem or answer.status == 413):
        verdict = _refusal(answer.status, problem, len(items))
        if verdict is not None:
            return verdict
    detail = str(problem.get("detail") or problem.get("title") or "it gives no reason")
    text = f"the server answers {answer.status}: {detail[:PROBLEM_LENGTH_MAX]}{_hint(answer.status)}"
    return Verdict(problem=text, after_seconds=retry_after_seconds(answer.headers))


def _receipt(body: Any, items: Sequence[Item]) -> Verdict:
    if isinstance(body, list) and [str(one).lower() for one in body] == [item.id for item in items]:
        return Verdict(taken=frozenset(range(len(items))))
    results = body.get("items") if isinstance(body, dict) else None
    if isinstance(results, list) and len(results) == len(items) and all(map(_is_result, results, items)):
        refused = {index: _refused(one) for index, one in enumerate(results) if one["outcome"] in _REFUSING}
        return Verdict(taken=frozenset(range(len(items))) - refused.keys(), refused=refused)
    text = "the reply is no receipt of the record store: something else answers at this address"
    return Verdict(problem=text)


def _is_result(result: Any, item: Item) -> bool:
    """Say whether this is what the bulk door says of this item. Events get ids of the server's own."""
    if not isinstance(result, dict) or result.get("outcome") not in _TAKING | _REFUSING:
        return False
    return not item.is_statement or result["outcome"] == "invalid" or result.get("id") == item.id


def _refused(result: dict[str, Any]) -> Refusal:
    reasons = [
        Reason(str(each.get("pointer", "")), str(each.get("rule", "")), str(each.get("mend", "")))
        for each in _faults(result)
    ]
    return Refusal(str(result["outcome"]), tuple(reasons))


def _refusal(status: int, problem: dict[str, Any], count: int) -> Verdict | None:
    """Return which items are refused and why, or that smaller batches must tell; None where it is the request's."""
    code = str(problem.get("code") or ("too-large" if status == 413 else "invalid"))
    faults = [(str(each.get("pointer", "")), each) for each in _faults(problem)]
    if any(pointer and not pointer.startswith("/") for pointer, _ in faults):
        return None
    found: dict[int, list[Reason]] = {}
    for pointer, fault in faults:
        match = _ITEM_POINTER(pointer)
        if match and int(match[1]) < count:
            reason = Reason(match[2] or "", str(fault.get("rule", "")), str(fault.get("mend", "")))
            found.setdefault(int(match[1]), []).append(reason)
    if found:
        return Verdict(refused={index: Refusal(code, tuple(reasons)) for index, reasons in found.items()})
    if status not in {400, 409, 413, 422}:
        return None
    if count > 1:
        return Verdict(is_too_much=True)
    rule = str(problem.get("detail") or "the server refuses it and does not say why")[:PROBLEM_LENGTH_MAX]
    return Verdict(refused={0: Refusal(code, (Reason("", rule, "See the server's page on this code."),))})


def _faults(problem: dict[str, Any]) -> list[dict[str, Any]]:
    listed = problem.get("errors")
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _is_problem(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/problem+json"


def _hint(status: int) -> str:
    """Return what is usually the cause, for the statuses that no waiting heals."""
    if status in {401, 403}:
        return " (look at the key: its secret, its expiry, its scope `write`)"
    if status in {404, 405} or 300 <= status < 400:
        return " (look at the origin: scheme, host and no path)"
    return ""


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None

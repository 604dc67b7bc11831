"""When two statements under one id are the same, and when they are a conflict."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from services.learning_events.domain.immutability import is_same_statement
from tests.unit.learning_events.samples import ADA, BEN, full, small

Change = Callable[[dict[str, Any]], object]


def _swap_members(statement: dict[str, Any]) -> None:
    statement["context"]["team"]["member"].reverse()


IGNORED: dict[str, Change] = {
    "the case of its id": lambda s: s.update(id=s["id"].upper()),
    "the authority": lambda s: s.update(authority=ADA),
    "no authority": lambda s: s.pop("authority"),
    "the time it was stored": lambda s: s.update(stored="2027-01-01T00:00:00Z"),
    "the version": lambda s: s.update(version="1.0.3"),
    "another zone for the same time": lambda s: s.update(timestamp="2026-03-01T09:30:00.123456Z"),
    "a time cut to milliseconds": lambda s: s.update(timestamp="2026-03-01T09:30:00.123Z"),
    "no timestamp": lambda s: s.pop("timestamp"),
    "the verb's display": lambda s: s["verb"].update(display={"fr": "répondu"}),
    "the activity's definition": lambda s: s["object"].pop("definition"),
    "the order of a group's members": _swap_members,
    "the attachments": lambda s: s.pop("attachments"),
    "the case of a mail domain": lambda s: s["context"]["team"].update(mbox="mailto:team@example.org"),
    "the case of the registration": lambda s: s["context"].update(registration=s["context"]["registration"].lower()),
    "the case of the language": lambda s: s["context"].update(language="en-gb"),
    "one context activity in an array": lambda s: s["context"]["contextActivities"].update(
        parent=[{"id": "course-v1:ORG+COURSE+RUN"}]
    ),
    "a duration beyond hundredths": lambda s: s["result"].update(duration="PT1M30.259S"),
}

COUNTED: dict[str, Change] = {
    "another actor": lambda s: s.update(actor=BEN),
    "the actor's name": lambda s: s["actor"].update(name="Ada B"),
    "the verb": lambda s: s["verb"].update(id="http://adlnet.gov/expapi/verbs/passed"),
    "the object's id": lambda s: s["object"].update(id="https://lms.example/questions/2"),
    "the object's type left out": lambda s: s["object"].pop("objectType"),
    "the score": lambda s: s["result"]["score"].update(scaled=0.6),
    "a boolean": lambda s: s["result"].update(success=False),
    "no success": lambda s: s["result"].pop("success"),
    "an equal duration spelled otherwise": lambda s: s["result"].update(duration="PT90.256S"),
    "a hundredth of a second": lambda s: s["result"].update(duration="PT1M30.26S"),
    "a true that was a one": lambda s: s["result"]["extensions"].update({"https://lms.example/hints": [True, None]}),
    "another time": lambda s: s.update(timestamp="2026-03-01T09:30:00.124Z"),
    "the order of context activities": lambda s: s["context"]["contextActivities"].update(
        category=[{"id": "uuid://2"}, {"id": "uuid://1"}]
    ),
    "an extension of the context": lambda s: s["context"]["extensions"].clear(),
}


@pytest.mark.parametrize("change", IGNORED)
def test_a_difference_that_a_store_may_have_caused_is_ignored(change: str) -> None:
    changed = copy.deepcopy(full())
    IGNORED[change](changed)
    assert is_same_statement(full(), changed)
    assert is_same_statement(changed, full())


@pytest.mark.parametrize("change", COUNTED)
def test_any_other_difference_is_a_conflict(change: str) -> None:
    changed = copy.deepcopy(full())
    COUNTED[change](changed)
    assert not is_same_statement(full(), changed)
    assert not is_same_statement(changed, full())


def test_numbers_are_compared_by_their_value() -> None:
    one, other = small(result={"score": {"raw": 1}}), small(result={"score": {"raw": 1.0}})
    assert is_same_statement(one, other)


def test_a_sub_statement_is_compared_by_the_same_rules() -> None:
    sub = {"objectType": "SubStatement", "actor": ADA, "verb": {"id": "a:b"}, "object": {"id": "a:c"}}
    early = small(object={**sub, "timestamp": "2026-03-01T10:30:00+01:00"})
    same = small(object={**sub, "verb": {"id": "a:b", "display": {"en": "b"}}, "timestamp": "2026-03-01T09:30:00Z"})
    late = small(object={**sub, "timestamp": "2026-03-01T11:30:00+01:00"})
    assert is_same_statement(early, same)
    assert not is_same_statement(early, late)


def test_a_reference_is_compared_without_regard_to_case() -> None:
    reference = {"objectType": "StatementRef", "id": "fd41c918-b88b-4b20-a0a5-a4c32391aaa0"}
    shouted = {"objectType": "StatementRef", "id": "FD41C918-B88B-4B20-A0A5-A4C32391AAA0"}
    assert is_same_statement(small(object=reference), small(object=shouted))

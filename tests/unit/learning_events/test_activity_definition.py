"""What statements tell of activities, and what is folded of it; and the Person Object."""

from __future__ import annotations

from typing import Any

from services.learning_events.domain.activity_definition import (
    DEFINITION_BYTES_MAX,
    GivenDefinition,
    folded,
    given_definitions,
)
from services.learning_events.domain.person_object import person_object
from shared.kernel import canonical_json
from tests.unit.learning_events.samples import full, small

ACTIVITY = "https://lms.example/questions/1"


def test_a_statement_without_definitions_tells_nothing() -> None:
    assert given_definitions(small()) == ()


def test_every_activity_in_a_statement_is_told_of_where_it_is_defined() -> None:
    definition = {"name": {"en": "x"}}
    listed = [{"id": "urn:b", "definition": definition}, {"id": "urn:c"}, {"id": "urn:d", "definition": {}}]
    context = {"contextActivities": {"grouping": listed, "other": {"id": "urn:e", "definition": definition}}}
    inner = {**small(), "object": {"id": "urn:a", "definition": definition}, "context": context}
    sub = {name: inner[name] for name in ("actor", "verb", "object", "context")}
    found = given_definitions({**small(), "object": {"objectType": "SubStatement", **sub}})
    assert [one.activity for one in found] == ["urn:a", "urn:b", "urn:e"]
    assert given_definitions({**small(), "object": {"objectType": "Agent", "mbox": "mailto:a@b.c"}}) == ()
    assert given_definitions(full())[0].activity == full()["object"]["id"]


def test_a_definition_is_kept_in_canonical_form_and_only_up_to_its_bound() -> None:
    one, same = GivenDefinition("urn:a", {"type": "urn:t", "moreInfo": "urn:m"}), {"moreInfo": "urn:m", "type": "urn:t"}
    told = one.told()
    assert told is not None
    assert told == GivenDefinition("urn:a", same).told()
    assert told.content == canonical_json.dumps(same)
    assert GivenDefinition("urn:a", {"moreInfo": "urn:" + "x" * DEFINITION_BYTES_MAX}).told() is None


def test_later_members_replace_earlier_ones_and_lists_are_not_mixed() -> None:
    first: dict[str, Any] = {"interactionType": "choice", "choices": [{"id": "a"}], "correctResponsesPattern": ["a"]}
    later: dict[str, Any] = {"choices": [{"id": "b"}]}
    found = folded(ACTIVITY, [canonical_json.dumps(first), canonical_json.dumps(later)])
    assert found == {"objectType": "Activity", "id": ACTIVITY, "definition": {**first, **later}}


def test_without_definitions_an_activity_has_none() -> None:
    assert folded(ACTIVITY, []) == {"objectType": "Activity", "id": ACTIVITY}


def test_identifiers_are_told_in_arrays_each_once_and_what_was_asked_for_first() -> None:
    agent = {"account": {"homePage": "https://z.example", "name": "a|b"}}
    others = {"account:https://z.example|a|b", "account:https://a.example|c|d", "openid:https://o.example"}
    assert person_object(agent, others) == {
        "objectType": "Person",
        "account": [agent["account"], {"homePage": "https://a.example", "name": "c|d"}],
        "openid": ["https://o.example"],
    }


def test_an_identifier_in_another_spelling_is_not_told_twice() -> None:
    agent = {"mbox": "mailto:Ada@Example.ORG"}
    assert person_object(agent, ["mbox:Ada@example.org"]) == {"objectType": "Person", "mbox": [agent["mbox"]]}

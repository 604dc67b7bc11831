"""What can never be delivered is refused at `send`, with the place and the mend; the rest becomes bytes under an id."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from shared.client.errors import NotSendable
from shared.client.item import DEPTH_MAX, INTEGER_MAX, ITEM_BYTES_MAX
from tests.unit.client.made import NOW, event, item, statement, uuid_of


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BAD = [
    ("not-an-object", ["a"], ""),
    ("text", "{}", ""),
    ("nothing", None, ""),
    ("neither", {"name": "x"}, "/actor"),
    ("nan", statement(result={"score": {"raw": float("nan")}}), "/result/score/raw"),
    ("infinity", statement(result={"score": {"raw": float("-inf")}}), "/result/score/raw"),
    ("large-integer", statement(result={"score": {"raw": INTEGER_MAX + 1}}), "/result/score/raw"),
    ("half-a-surrogate", statement(object={"id": "\ud800"}), "/object/id"),
    ("half-a-surrogate-in-a-name", statement(object={"\udfff": 1}), "/object"),
    ("a-name-that-is-no-text", statement(object={1: 2}), "/object"),
    ("a-date", statement(timestamp=dt.date(2026, 3, 1)), "/timestamp"),
    ("bytes", statement(object=b"x"), "/object"),
    ("a-set", statement(context={"a/b~": {1}}), "/context/a~1b~0"),
    ("too-deep", statement(context=nested(DEPTH_MAX)), "/context" + "/0" * (DEPTH_MAX - 1)),
    ("too-large", statement(context={"platform": "x" * ITEM_BYTES_MAX}), ""),
    ("no-verb", {name: value for name, value in statement().items() if name != "verb"}, "/verb"),
    ("an-actor-of-text", statement(actor="ada"), "/actor"),
    ("an-id-that-is-no-uuid", statement(id="1"), "/id"),
    ("an-id-in-braces", statement(id="{" + uuid_of(1) + "}"), "/id"),
    ("an-id-of-null", statement(id=None), "/id"),
    ("an-event-of-another-version", event(specversion="0.3"), "/specversion"),
    ("an-event-without-source", event(source=""), "/source"),
    ("an-event-without-type", event(type=None), "/type"),
    ("an-event-with-an-empty-id", event(id=""), "/id"),
]


@pytest.mark.parametrize(("value", "pointer"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_what_can_never_be_delivered_is_refused_with_its_place(value: Any, pointer: str) -> None:
    with pytest.raises(NotSendable) as refused:
        item(value)
    assert refused.value.pointer == pointer
    assert refused.value.rule
    assert refused.value.mend.endswith(".")


def test_no_value_is_repeated_in_a_refusal() -> None:
    with pytest.raises(NotSendable) as refused:
        item(statement(id="ada@example.org"))
    assert "ada" not in str(refused.value)


def test_what_is_just_small_and_flat_enough_is_taken() -> None:
    bare = len(item(statement(context={"platform": ""})).body)
    assert len(item(statement(context={"platform": "x" * (ITEM_BYTES_MAX - bare)})).body) == ITEM_BYTES_MAX
    item(statement(context=nested(DEPTH_MAX - 1)))


def test_a_statement_without_id_is_given_one_and_a_statement_with_one_keeps_it_in_lower_case() -> None:
    bare = statement()
    del bare["id"]
    assert item(bare).id == uuid_of(99)
    assert json.loads(item(bare).body)["id"] == uuid_of(99)
    assert item(statement(id=uuid_of(10).upper())).id == uuid_of(10)


def test_what_happened_is_given_the_instant_of_sending_where_it_has_none() -> None:
    for whole, name in ((statement(), "timestamp"), (event(), "time")):
        bare = {key: value for key, value in whole.items() if key != name}
        assert json.loads(item(bare).body)[name] == NOW
        assert item(bare).is_stamped
        assert not item(whole).is_stamped


def test_what_was_handed_over_is_not_changed_and_may_be_changed_afterwards() -> None:
    bare = statement()
    del bare["id"]
    before = json.dumps(bare)
    kept = item(bare)
    assert json.dumps(bare) == before
    bare["verb"]["id"] = "other"
    assert b"other" not in kept.body


def test_an_event_is_known_by_source_and_id() -> None:
    assert (item(event()).source, item(event()).id) == ("/lms", "e1")
    assert item(statement()).source == ""

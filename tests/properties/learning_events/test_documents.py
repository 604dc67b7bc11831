"""What holds for every merger and every fold."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.activity_definition import folded
from services.learning_events.domain.actor import identifier
from services.learning_events.domain.document import Document
from services.learning_events.domain.document_merge import merged
from services.learning_events.domain.person_object import person_object
from shared.kernel import canonical_json

NOW = datetime(2026, 3, 1, tzinfo=UTC)
JSON = "application/json"
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
objects = st.dictionaries(st.text("abc", max_size=2), values, max_size=4)
language_maps = st.dictionaries(st.sampled_from(["en", "fr", "de"]), st.text(max_size=3), min_size=1)
definitions = st.fixed_dictionaries(
    {}, optional={"name": language_maps, "description": language_maps, "type": st.sampled_from(["urn:a", "urn:b"])}
)


def posted(kept: Document | None, sent: dict[str, Any]) -> Document:
    return merged(kept, canonical_json.dumps(sent), JSON, NOW)


@given(st.lists(objects, min_size=1, max_size=5))
def test_posts_one_after_the_other_are_one_union_in_which_the_last_wins(sent: list[dict[str, Any]]) -> None:
    whole: dict[str, Any] = reduce(lambda one, other: {**one, **other}, sent)
    kept: Document | None = None
    for one in sent:
        kept = posted(kept, one)
    assert kept is not None
    assert canonical_json.loads(kept.content) == whole


@given(objects, objects)
def test_posting_again_changes_nothing_more(kept: dict[str, Any], sent: dict[str, Any]) -> None:
    once = posted(posted(None, kept), sent)
    assert posted(once, sent) == once


@given(st.lists(definitions, max_size=6))
def test_a_fold_has_every_language_that_was_told_and_of_each_the_last_text(told: list[dict[str, Any]]) -> None:
    found = folded("urn:a", [canonical_json.dumps(one) for one in told]).get("definition", {})
    for member in ("name", "description"):
        texts: dict[str, str] = {}
        for one in told:
            texts |= one.get(member, {})
        assert found.get(member, {}) == texts
    types = [one["type"] for one in told if "type" in one]
    assert found.get("type") == (types[-1] if types else None)


@given(st.lists(definitions, max_size=4))
def test_folding_a_fold_gives_the_same(told: list[dict[str, Any]]) -> None:
    once = folded("urn:a", [canonical_json.dumps(one) for one in told])
    again = [canonical_json.dumps(once["definition"])] if "definition" in once else []
    assert folded("urn:a", again) == once


names = st.text("ab|:@", min_size=1, max_size=4)
agents = st.one_of(
    st.builds(lambda name: {"account": {"homePage": "https://a.example", "name": name}}, names),
    st.builds(lambda name: {"mbox": f"mailto:{name}@example.org"}, st.text("ab", min_size=1, max_size=3)),
    st.builds(lambda name: {"openid": f"https://{name}.example"}, st.text("ab", min_size=1, max_size=3)),
)


@given(agents, st.lists(agents, max_size=5))
def test_a_person_object_names_exactly_the_identifiers_that_are_known(
    asked: dict[str, Any], known: list[dict[str, Any]]
) -> None:
    person = person_object(asked, [identifier(one, "") for one in known])
    kinds = {kind: listed for kind, listed in person.items() if kind != "objectType"}
    told = [identifier({kind: value}, "") for kind, listed in kinds.items() for value in listed]
    assert len(told) == len(set(told))
    assert set(told) == {identifier(one, "") for one in [asked, *known]}

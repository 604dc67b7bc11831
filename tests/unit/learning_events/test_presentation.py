"""Statements by identifiers only, as they came, or in one language."""

from __future__ import annotations

from typing import Any

import pytest

from services.learning_events.domain.filters import Format
from services.learning_events.domain.presentation import languages_of, presented
from services.learning_events.domain.served import with_activities_in_arrays
from tests.unit.learning_events.samples import ACTIVITY, ADA, BEN, full, small


def shown(statement: dict[str, Any], form: Format, *languages: str) -> dict[str, Any]:
    return presented(with_activities_in_arrays(statement), form, languages)


def test_exact_changes_nothing() -> None:
    statement = with_activities_in_arrays(full())
    assert presented(statement, Format.EXACT, ["de"]) == statement


def test_ids_leaves_what_identifies() -> None:
    found = shown(full(), Format.IDS)
    assert found["actor"] == {"objectType": "Agent", **ADA}
    assert found["verb"] == {"id": "http://adlnet.gov/expapi/verbs/answered"}
    assert found["object"] == {"id": ACTIVITY}
    context = found["context"]
    assert context["instructor"] == BEN
    assert context["team"] == {"objectType": "Group", "mbox": "mailto:team@Example.ORG"}
    assert context["contextActivities"] == {
        "parent": [{"id": "course-v1:ORG+COURSE+RUN"}],
        "category": [{"id": "uuid://1"}],
    }
    assert context["contextGroups"][0]["group"] == {"objectType": "Group", "mbox": "mailto:team@Example.ORG"}
    assert found["result"] == full()["result"]


def test_ids_leaves_of_an_anonymous_group_what_identifies_its_members() -> None:
    group = {"objectType": "Group", "name": "Both", "member": [{**ADA, "name": "Ada"}, BEN]}
    assert shown(small(actor=group), Format.IDS)["actor"] == {"objectType": "Group", "member": [ADA, BEN]}


def test_canonical_leaves_one_language_of_each_map() -> None:
    found = shown(full(), Format.CANONICAL, "de", "en")
    assert found["verb"]["display"] == {"de": ""}
    definition = found["object"]["definition"]
    assert definition["name"] == {"en": "Question"}
    assert definition["description"] == {"zh-Hant-TW": "…"}
    assert definition["choices"] == [{"id": "a", "description": {"en": "A"}}, {"id": "b"}]
    assert definition["extensions"] == full()["object"]["definition"]["extensions"]
    assert found["actor"] == full()["actor"]


def test_canonical_reaches_into_substatements() -> None:
    inner = {
        "objectType": "SubStatement",
        "actor": ADA,
        "verb": {"id": "https://x.example/v", "display": {"de": "tat", "en": "did"}},
        "object": {"id": ACTIVITY, "definition": {"name": {"de": "Frage", "en": "Question"}}},
    }
    found = shown(small(object=inner), Format.CANONICAL, "de")["object"]
    assert (found["verb"]["display"], found["object"]["definition"]["name"]) == ({"de": "tat"}, {"de": "Frage"})


@pytest.mark.parametrize(
    ("wanted", "tag"),
    [
        (["en-GB"], "en-GB"),
        (["EN-gb"], "en-GB"),
        (["en-AU"], "en-GB"),
        (["en"], "en-GB"),
        (["de-AT", "fr"], "de"),
        (["fr"], "en-GB"),
        ([], "en-GB"),
    ],
)
def test_the_language_that_suits_best_is_chosen(wanted: list[str], tag: str) -> None:
    texts = {"de": "a", "en-GB": "b", "en-US": "c"}
    statement = small(verb={"id": "https://x.example/v", "display": texts})
    assert shown(statement, Format.CANONICAL, *[one.lower() for one in wanted])["verb"]["display"] == {tag: texts[tag]}


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        (None, []),
        ("", []),
        ("en-GB", ["en-gb"]),
        ("de;q=0.5, en", ["en", "de"]),
        ("fr, *;q=0.1, de;q=0", ["fr"]),
        ("no language!, en", ["en"]),
    ],
)
def test_languages_are_read_by_how_dear_they_are(header: str | None, languages: list[str]) -> None:
    assert languages_of(header) == languages

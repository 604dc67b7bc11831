"""What a statement is found by, and what a query asks for, are the same texts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.learning_events.domain.filters import PAGE_MAX, Format, form_of, one_asked_for, search_of
from services.learning_events.domain.search import FOR_EVER, SINCE_EVER
from services.learning_events.domain.terms import ANY, target_of_reference, terms_of
from shared.kernel.errors import Rejected
from tests.unit.learning_events.samples import ACTIVITY, ADA, BEN, OTHER_ID, full, small

HOME_PAGE = "https://deedlog.example"
ADA_NAME = "account:https://lms.example|4711"


def test_a_small_statement_is_found_by_six_things() -> None:
    assert set(terms_of(small())) == {
        ANY,
        "verb=http://adlnet.gov/expapi/verbs/answered",
        f"agent={ADA_NAME}",
        f"related-agent={ADA_NAME}",
        f"activity={ACTIVITY}",
        f"related-activity={ACTIVITY}",
    }


def test_a_full_statement_is_found_by_whatever_surrounds_it() -> None:
    found = terms_of(full())
    assert len(found) == len(set(found))
    assert {"related-agent=mbox:ben@example.org", "related-agent=mbox:team@example.org"} <= set(found)
    assert {"related-activity=course-v1:ORG+COURSE+RUN", "related-activity=uuid://1"} <= set(found)
    assert "registration=ec531277-b57b-4c15-8d91-d292c5b2b8f7" in found
    assert "agent=mbox:ben@example.org" not in found


def test_an_anonymous_group_is_found_by_its_members_only() -> None:
    found = terms_of(small(actor={"objectType": "Group", "member": [ADA, BEN]}))
    assert {term for term in found if term.startswith("agent=")} == {f"agent={ADA_NAME}", "agent=mbox:ben@example.org"}
    assert not any("anonymous" in term for term in found)


def test_a_reference_names_its_target_in_lower_case() -> None:
    assert target_of_reference(small(object={"objectType": "StatementRef", "id": OTHER_ID.upper()})) == OTHER_ID
    assert target_of_reference(small()) is None


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ({}, (ANY,)),
        ({"agent": json.dumps(ADA)}, (f"agent={ADA_NAME}",)),
        ({"agent": json.dumps(ADA), "related_agents": "true"}, (f"related-agent={ADA_NAME}",)),
        ({"activity": ACTIVITY, "related_activities": "true"}, (f"related-activity={ACTIVITY}",)),
        ({"verb": "https://x.example/v", "related_agents": "true"}, ("verb=https://x.example/v",)),
        ({"registration": OTHER_ID.upper()}, (f"registration={OTHER_ID}",)),
        (
            {
                "agent": json.dumps({"account": {"homePage": HOME_PAGE, "name": "key_1"}}),
                "related_agents": "true",
            },
            ("key=key_1",),
        ),
    ],
)
def test_a_query_asks_by_the_texts_that_statements_are_found_by(query: dict[str, str], terms: tuple[str, ...]) -> None:
    assert search_of(query, HOME_PAGE).terms == terms


@pytest.mark.parametrize(("limit", "size"), [(None, PAGE_MAX), ("0", PAGE_MAX), ("1", 1), ("9999", PAGE_MAX)])
def test_a_page_has_a_bound(limit: str | None, size: int) -> None:
    query = {} if limit is None else {"limit": limit}
    assert search_of(query, HOME_PAGE).limit == size


def test_without_times_all_times_are_asked_for() -> None:
    search = search_of({}, HOME_PAGE)
    assert (search.since, search.until, search.is_ascending) == (SINCE_EVER, FOR_EVER, False)


def test_times_are_asked_for_in_any_zone() -> None:
    search = search_of({"since": "2026-03-01T10:00:00+01:00", "until": "2026-03-01T09:00:00Z"}, HOME_PAGE)
    assert search.since == search.until


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ({}, None),
        ({"statementId": OTHER_ID.upper(), "format": "ids", "attachments": "true"}, (OTHER_ID, False)),
        ({"voidedStatementId": OTHER_ID}, (OTHER_ID, True)),
    ],
)
def test_one_statement_is_asked_for_by_its_id(query: dict[str, str], asked: tuple[str, bool] | None) -> None:
    assert one_asked_for(query) == asked


@pytest.mark.parametrize("name", ["agent", "verb", "since", "limit", "ascending", "related_agents", "cursor"])
def test_what_asks_for_many_does_not_stand_beside_an_id(name: str) -> None:
    with pytest.raises(Rejected) as caught:
        one_asked_for({"statementId": OTHER_ID, name: "x"})
    assert caught.value.faults[0].pointer == name


def test_a_form_is_exact_and_without_attachments_unless_asked() -> None:
    form: Any = form_of({})
    assert (form.format, form.has_attachments) == (Format.EXACT, False)

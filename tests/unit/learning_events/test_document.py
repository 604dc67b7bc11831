"""What documents are, how they merge, and when a PUT has to say what it saw."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from services.learning_events.domain.agent_parameter import AGENT_BYTES_MAX, read_agent
from services.learning_events.domain.concurrency import check_blind_put
from services.learning_events.domain.document import DOCUMENT_BYTES_MAX, Document, Resource, Shelf
from services.learning_events.domain.document_merge import merged
from services.learning_events.domain.statement import XapiVersion
from shared.kernel.errors import Conflict, Rejected, TooLarge

THEN, NOW = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
JSON = "application/json"


def kept(content: bytes, media_type: str = JSON) -> Document:
    return Document(content, media_type, THEN)


def test_the_tag_is_the_sha1_of_the_content_in_quotes() -> None:
    assert kept(b"abc").etag == '"a9993e364706816aba3e25717850c26c9cd0d89d"'


def test_shelves_differ_by_resource_activity_and_agent_and_by_nothing_else() -> None:
    shelves = [
        Shelf(Resource.STATE, "urn:a", "mbox:a@b.c"),
        Shelf(Resource.STATE, "urn:a", "mbox:b@b.c"),
        Shelf(Resource.STATE, "urn:amb", "ox:a@b.c"),
        Shelf(Resource.AGENT_PROFILE, "", "mbox:a@b.c"),
        Shelf(Resource.ACTIVITY_PROFILE, "urn:a", ""),
    ]
    assert len({shelf.key for shelf in shelves}) == len(shelves)
    assert shelves[0].key == Shelf(Resource.STATE, "urn:a", "mbox:a@b.c", is_person=True).key


def test_what_is_posted_where_nothing_is_kept_stays_as_it_came() -> None:
    assert merged(None, b'{ "b": 1, "a": 1.50 }', JSON, NOW) == Document(b'{ "b": 1, "a": 1.50 }', JSON, NOW)
    assert merged(None, b"\xff", "image/png", NOW) == Document(b"\xff", "image/png", NOW)


def test_a_merger_has_the_time_of_the_post_and_the_type_of_what_was_kept() -> None:
    found = merged(kept(b'{"a":1}', "application/json; charset=utf-8"), b'{"b":2}', "Application/JSON", NOW)
    assert found == Document(b'{"a":1,"b":2}', "application/json; charset=utf-8", NOW)


@pytest.mark.parametrize(
    ("kept_content", "kept_type", "sent", "sent_type"),
    [
        (b'{"a":1}', JSON, b'{"b":2}', "text/json"),
        (b'{"a":1}', "application/x-json", b'{"b":2}', JSON),
        (b'{"a":1}', JSON, b"", JSON),
        (b'{"a":1}', JSON, b'{"a":1,"a":2}', JSON),
        (b"null", JSON, b'{"a":1}', JSON),
        (None, JSON, b"[]", JSON),
    ],
)
def test_what_is_no_object_of_the_type_json_is_not_merged(
    kept_content: bytes | None, kept_type: str, sent: bytes, sent_type: str
) -> None:
    before = None if kept_content is None else kept(kept_content, kept_type)
    with pytest.raises(Rejected) as caught:
        merged(before, sent, sent_type, NOW)
    assert caught.value.faults[0].mend


def test_a_merger_over_the_bound_is_refused() -> None:
    half = json.dumps({"a": "x" * (DOCUMENT_BYTES_MAX // 2)}).encode()
    with pytest.raises(TooLarge, match=str(DOCUMENT_BYTES_MAX)):
        merged(kept(half), half.replace(b'"a"', b'"b"'), JSON, NOW)


@pytest.mark.parametrize("resource", list(Resource))
@pytest.mark.parametrize("version", list(XapiVersion))
@pytest.mark.parametrize("is_kept", [True, False])
def test_a_blind_put_is_taken_as_the_version_has_it(resource: Resource, version: XapiVersion, is_kept: bool) -> None:
    refusals: dict[tuple[XapiVersion, bool, bool], type[Rejected] | None] = {
        (XapiVersion.V1_0, True, True): None,
        (XapiVersion.V1_0, True, False): None,
        (XapiVersion.V1_0, False, True): Conflict,
        (XapiVersion.V1_0, False, False): Rejected,
        (XapiVersion.V2_0, True, True): Conflict,
        (XapiVersion.V2_0, True, False): None,
        (XapiVersion.V2_0, False, True): Conflict,
        (XapiVersion.V2_0, False, False): None,
    }
    refusal = refusals[version, resource is Resource.STATE, is_kept]
    if refusal is None:
        check_blind_put(version, resource, is_kept=is_kept)
        return
    with pytest.raises(Rejected) as caught:
        check_blind_put(version, resource, is_kept=is_kept)
    assert type(caught.value) is refusal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "true",
        "[]",
        '{"mbox":"mailto:a@b.c"',
        '{"name":"Ada"}',
        '{"mbox":"a@b.c"}',
        '{"mbox":"mailto:a@b.c","x":1}',
        '{"objectType":"Group","member":[{"mbox":"mailto:a@b.c"}]}',
        '{"objectType":"Person","mbox":"mailto:a@b.c"}',
        "\ud800",
        '{"name":"' + "x" * AGENT_BYTES_MAX + '","mbox":"mailto:a@b.c"}',
    ],
)
def test_what_names_no_agent_is_refused_at_the_parameter(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_agent(text)
    assert all(fault.pointer.startswith("agent") and fault.mend for fault in caught.value.faults)
    assert caught.value.faults


def test_an_agent_and_an_identified_group_are_read() -> None:
    for agent in ({"mbox": "mailto:a@b.c"}, {"objectType": "Group", "openid": "https://a.example", "member": []}):
        assert read_agent(json.dumps(agent)) == agent

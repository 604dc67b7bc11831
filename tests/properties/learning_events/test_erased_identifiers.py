"""Whoever was erased is named nowhere in what others said, which stays valid and stays the same statement."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.actor import identifier
from services.learning_events.domain.erased_identifiers import ERASED, ErasedAccount, Redaction, is_redacted
from services.learning_events.domain.immutability import is_same_statement
from services.learning_events.domain.statement import faults_of
from shared.kernel import canonical_json
from tests.properties.learning_events.statements import JSON, STATEMENTS

AT = datetime(2026, 3, 1, tzinfo=UTC)
PERSON = "prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC"
ACTORS: list[dict[str, Any]] = [
    {"mbox": "mailto:zoë.quill+x@Learn.Example.ORG"},
    {"account": {"homePage": "https://lms.example", "name": 'zo"ë\\4711'}},
    {"account": {"homePage": "https://lms.example", "name": "zoe@quill.example"}},
    {"openid": "https://zoe.example/#me"},
    {"mbox_sha1sum": "CD9B00A5611F94EAA7B1661EDAB976068E364975"},
]
BYTES = ["quill+x@", 'zo\\"ë', "zoe@quill", "zoe.example", "cd9b00a5611f94eaa7b1661edab976068e364975"]
OTHER = {"objectType": "Agent", "mbox": "mailto:ada@example.org", "name": "Ada"}


def erasing(*actors: dict[str, Any]) -> Redaction:
    return Redaction(ErasedAccount(identifier(actor, ""), PERSON, AT) for actor in actors)


def named(statement: dict[str, Any], actor: dict[str, Any], role: str) -> dict[str, Any]:
    """Return the statement with the actor in a role."""
    whole = copy.deepcopy(statement)
    context = whole.setdefault("context", {})
    if role == "object":
        context.pop("revision", None)
        context.pop("platform", None)
        whole["object"] = {"objectType": "Agent", **actor, "name": "Zoë"}
    elif role == "instructor":
        context["instructor"] = {**actor, "name": "Zoë"}
    elif role == "team":
        context["team"] = {"objectType": "Group", "member": [OTHER, actor]}
    elif role == "actor":
        whole["actor"] = {"objectType": "Group", "member": [actor, OTHER]}
    elif role == "party":
        context["contextAgents"] = [{"objectType": "contextAgent", "agent": {"objectType": "Agent", **actor}}]
    else:
        whole.setdefault("result", {})["extensions"] = {"https://x.example/seen": {"by": [actor, OTHER]}}
    return whole


ROLES = st.sampled_from(["object", "instructor", "team", "actor", "party", "extension"])


@given(STATEMENTS, st.sampled_from(list(zip(ACTORS, BYTES, strict=True))), ROLES)
def test_no_statement_names_the_erased_and_it_is_valid_and_still_a_duplicate(
    statement: dict[str, Any], who: tuple[dict[str, Any], str], role: str
) -> None:
    actor, seen = who
    sent = named(statement, actor, role)
    raw = canonical_json.dumps(sent)
    redaction = erasing(actor)
    assert any(part in raw for part in redaction.fragments())
    changed = redaction.json(raw)
    assert changed is not None
    assert seen.lower() not in changed.decode().lower()
    assert "Zoë" not in changed.decode()
    kept = canonical_json.loads(changed)
    assert isinstance(kept, dict)
    assert not faults_of(kept)
    assert is_redacted(changed)
    assert is_same_statement(kept, sent)
    assert not is_same_statement(kept, {**sent, "verb": {"id": "https://x.example/another"}})
    assert redaction.json(changed) is None


@given(STATEMENTS)
def test_a_statement_that_does_not_name_the_erased_stays_byte_for_byte(statement: dict[str, Any]) -> None:
    unnamed = [one for one in ACTORS if "mbox_sha1sum" not in one]
    assert erasing(*unnamed).json(canonical_json.dumps(statement)) is None


@given(JSON, st.sampled_from(["{}", "to {}, please", "mailto:{}", "https://x.example/?m={}&n=1", '"{}"', "<{}>"]))
def test_an_address_goes_from_every_text_and_from_names_of_members(value: Any, text: str) -> None:
    address = "zoë.quill+x@learn.EXAMPLE.org"
    whole = {"a": [value, text.format(address)], text.format(address.replace("@", "%40")): value}
    changed = erasing(ACTORS[0]).content(json.dumps(whole).encode())
    assert changed is not None
    assert "quill" not in changed.decode()
    assert f"{ERASED}:{PERSON}" in changed.decode()
    assert any(part in canonical_json.dumps(whole) for part in erasing(ACTORS[0]).loose_fragments())


@pytest.mark.parametrize(
    ("actor", "text"),
    [
        (
            {"mbox": "mailto:zoe@example.org"},
            "chloe.zoe@example.org azoe@example.org zoe@example.org.uk zoe@example.orgs",
        ),
        ({"openid": "https://x.example/users/1"}, "https://x.example/users/12 https://x.example/users/1.5"),
        ({"account": {"homePage": "https://lms.example", "name": "1"}}, "1 of 1, https://lms.example/1"),
        ({"mbox_sha1sum": "cd9b00a5611f94eaa7b1661edab976068e364975"}, "cd9b00a5611f94eaa7b1661edab976068e364975a"),
    ],
)
def test_who_is_only_called_alike_stays(actor: dict[str, Any], text: str) -> None:
    assert erasing(actor).text(text) == text


def test_what_is_no_text_goes_whole_and_plain_text_in_place() -> None:
    redaction = erasing({"mbox": "mailto:zoe@example.org"})
    assert redaction.content(b"\x89PNG zoe@example.org \xff") == b""
    assert redaction.content(b"\x89PNG \xff") is None
    assert redaction.content(b"From: zoe@example.org\n") == f"From: {ERASED}:{PERSON}\n".encode()


def test_what_came_after_an_erasure_is_a_strangers() -> None:
    later = datetime(2026, 3, 2, tzinfo=UTC)
    both = Redaction(
        [ErasedAccount("mbox:a@x.example", "prs_A", AT), ErasedAccount("mbox:b@x.example", "prs_B", later)]
    )
    assert both.until_then(AT) is both
    assert both.until_then(later).text("a@x.example b@x.example") == f"a@x.example {ERASED}:prs_B"

"""By which text an actor is known."""

from __future__ import annotations

from typing import Any

import pytest

from services.learning_events.domain.actor import identifier
from tests.unit.learning_events.samples import BEN, ID


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        ({"account": {"homePage": "https://lms.example", "name": "a|b"}}, "account:https://lms.example|a|b"),
        ({"mbox": "mailto:Ada.B@Example.ORG", "name": "Ada"}, "mbox:Ada.B@example.org"),
        (
            {"mbox_sha1sum": "CD9B00A5611F94EAA7B1661EDAB976068E364975"},
            "mbox_sha1sum:cd9b00a5611f94eaa7b1661edab976068e364975",
        ),
        ({"openid": "https://Ada.example/"}, "openid:https://Ada.example/"),
        ({"objectType": "Group", "openid": "https://team.example"}, "openid:https://team.example"),
        ({"objectType": "Group", "member": [BEN]}, f"anonymous:{ID}"),
    ],
)
def test_an_actor_is_known_by_the_text_of_its_identifier(actor: dict[str, Any], expected: str) -> None:
    assert identifier(actor, ID) == expected


def test_two_anonymous_groups_with_the_same_members_are_distinct() -> None:
    group = {"objectType": "Group", "member": [BEN]}
    assert identifier(group, "one") != identifier(group, "two")

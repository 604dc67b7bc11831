"""A stranger's JSON is taken member by member, in the one form each has."""

from __future__ import annotations

from typing import Any

import pytest

from shared.kernel.errors import Rejected
from shared.verifier.json_reader import TEXT_CHARACTERS_MAX, JsonObject


def reader(value: Any) -> JsonObject:
    return JsonObject.of({"a": value}, "/top")


def test_members_are_read_in_their_form() -> None:
    assert reader("x").text("a") == "x"
    assert reader(0).number("a") == 0
    assert reader(["x", "y"]).texts("a", 2) == ["x", "y"]
    assert reader("AAE=").octets("a", 2) == b"\x00\x01"
    assert reader({"b": "x"}).object("a").pointer == "/top/a"
    assert reader([{}]).objects("a", 1)[0].pointer == "/top/a/0"
    assert reader("2026-11-23T12:00:00.5+01:00").time("a").isoformat() == "2026-11-23T11:00:00.500000+00:00"


@pytest.mark.parametrize("value", [True, False, -1, 1.0, "1", None])
def test_what_is_no_count_is_refused(value: Any) -> None:
    with pytest.raises(Rejected, match="/top/a"):
        reader(value).number("a")


@pytest.mark.parametrize("value", ["AAF=", "AAE", "AAE=\n", " AAE=", "AAEA", "", "AA-=", "AAE=AAE="])
def test_octets_have_one_spelling_and_one_size(value: str) -> None:
    with pytest.raises(Rejected, match="/top/a"):
        reader(value).octets("a", 2)


def test_a_text_is_read_to_its_bound_and_refused_beyond() -> None:
    assert reader("x" * TEXT_CHARACTERS_MAX).text("a")
    for value in ("x" * (TEXT_CHARACTERS_MAX + 1), "", 7, None):
        with pytest.raises(Rejected, match="/top/a"):
            reader(value).text("a")


def test_an_array_is_read_to_its_bound_and_refused_beyond() -> None:
    assert reader(["x"] * 3).texts("a", 3) == ["x"] * 3
    for value in (["x"] * 4, [7], "x", None):
        with pytest.raises(Rejected, match="/top/a"):
            reader(value).texts("a", 3)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-23",
        "2026-11-23T12:00:00",
        "20261123T120000Z",
        "2026-11-23T12:00Z",
        "2026-11-23 12:00:00Z",
        "2026-02-30T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-23T12:00:00.1234567Z",
    ],
)
def test_what_is_no_instant_is_refused(value: str) -> None:
    with pytest.raises(Rejected, match="/top/a"):
        reader(value).time("a")


def test_a_member_too_many_or_too_few_is_named() -> None:
    with pytest.raises(Rejected, match="/top/b: the member is missing"):
        reader(1).expect_only("a", "b")
    with pytest.raises(Rejected, match="/top/a: there is no such member"):
        reader(1).expect_only()

"""Keys on a terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from cli.keys import draw_keys

LIVE: dict[str, Any] = {
    "id": "key_live",
    "name": "LMS",
    "organisation": "org_a",
    "scopes": ["write"],
    "is_test": False,
    "expires_at": "2027-01-31T00:00:00Z",
    "revoked_at": None,
}


def lines(*keys: dict[str, Any]) -> list[str]:
    out = StringIO()
    Console(file=out, width=160).print(draw_keys(keys))
    return out.getvalue().splitlines()


def test_a_test_key_is_told_from_a_real_one() -> None:
    said = lines(LIVE, LIVE | {"id": "key_trial", "is_test": True})
    assert [" test " in line for line in said if "key_" in line] == [False, True]
    assert [" real " in line for line in said if "key_" in line] == [True, False]


def test_without_keys_it_says_so() -> None:
    assert "no keys yet" in lines()[0]

"""A client is not built to send its key in the clear or to an address that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.client import AsyncClient, Client, ClientClosed, Options
from shared.client.options import address, headers
from tests.unit.client.made import statement


@pytest.mark.parametrize(
    "origin",
    ["", "deedlog.example", "ftp://deedlog.example", "https://", "https://d.example/xapi", "https://d.example?x=1"],
)
def test_an_origin_is_scheme_and_host_and_no_more(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        address(origin, Options())


@pytest.mark.parametrize(
    "origin", ["https://deedlog.example", "http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:1"]
)
def test_a_good_origin_is_taken(origin: str) -> None:
    assert address(origin, Options()).host


def test_a_key_goes_in_the_clear_to_this_machine_only_unless_it_was_allowed() -> None:
    with pytest.raises(ValueError, match="https"):
        address("http://deedlog.example", Options())
    assert address("http://deedlog.example", Options(is_plain_http_allowed=True)).scheme == "http"


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
def test_what_can_be_no_key_is_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        headers(key)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_that_cannot_be_built_leaves_no_spool(kind: type[Client] | type[AsyncClient], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="origin"):
        kind("nowhere", "key", tmp_path / "spool")
    assert list(tmp_path.iterdir()) == []


async def test_an_async_client_that_was_not_entered_says_how_to(tmp_path: Path) -> None:
    client = AsyncClient("https://deedlog.example", "key", tmp_path / "spool")
    with pytest.raises(ClientClosed, match="async with"):
        await client.send(statement())
    await client.close()

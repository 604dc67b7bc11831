"""A client is not built to send its key in the clear or to an address that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.client import AsyncClient, Client, ClientClosed, ClientCredentials, Options
from shared.client.options import access_of, address
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
    origin = address("https://deedlog.example", Options())
    for unusable in (key, ClientCredentials(key, "dlk_x"), ClientCredentials("key_x", key)):
        with pytest.raises(ValueError, match="API key"):
            access_of(unusable, origin, Options())


@pytest.mark.parametrize(
    "token_url", ["", "/oauth/token", "ftp://a.example/t", "https://u:p@a.example/t", "https://a/t#x"]
)
def test_a_token_url_is_an_address_and_names_nobody(token_url: str) -> None:
    origin = address("https://deedlog.example", Options())
    with pytest.raises(ValueError, match="token_url"):
        access_of(ClientCredentials("key_x", "dlk_x", token_url), origin, Options())


def test_a_secret_goes_in_the_clear_to_this_machine_only_unless_it_was_allowed() -> None:
    origin = address("https://deedlog.example", Options())
    credentials = ClientCredentials("key_x", "dlk_x", "http://tokens.example/oauth/token")
    with pytest.raises(ValueError, match="https"):
        access_of(credentials, origin, Options())
    allowed = access_of(credentials, origin, Options(is_plain_http_allowed=True)).needed()
    assert allowed is not None
    assert allowed.path == "http://tokens.example/oauth/token"


def test_tokens_are_had_where_events_go_unless_another_address_is_named() -> None:
    origin = address("https://deedlog.example", Options())
    needed = access_of(ClientCredentials("key_x", "dlk_x"), origin, Options()).needed()
    assert needed is not None
    assert needed.path == "https://deedlog.example/oauth/token"


def test_a_secret_is_not_shown_when_credentials_are_printed() -> None:
    assert "dlk_x" not in repr(ClientCredentials("key_x", "dlk_x"))


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

"""Secrets, principals, scopes."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import Forbidden, Rejected, Unauthenticated
from shared.runtime.auth import (
    ALL,
    KINDS,
    SCOPES,
    SERVICE,
    Access,
    Principal,
    Secret,
    ServiceTokenAuthenticator,
    expand_scopes,
    parse_authorization,
)

TOKEN = "t" * 40
printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=200)


def basic(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


@given(printable)
def test_a_bearer_token_is_read_as_it_stands(token: str) -> None:
    secret = parse_authorization(f"Bearer {token}")
    assert (secret.text, secret.key_id) == (token, "")


@given(st.text(min_size=1).filter(lambda text: ":" not in text), st.text(min_size=1))
def test_basic_gives_key_id_and_secret_whatever_colons_the_secret_has(key_id: str, secret: str) -> None:
    header = basic(f"{key_id}:{secret}".encode(errors="replace"))
    parsed = parse_authorization(header)
    assert f"{parsed.key_id}:{parsed.text}".encode() == f"{key_id}:{secret}".encode(errors="replace")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer two words",
        "Bearer t\x7f",
        "Bearer ключ",
        "Digest x",
        "Basic",
        "Basic !!!",
        basic(b"no colon"),
        basic(b":secret"),
        basic(b"id:"),
        basic(b"\xff:\xff"),
        "Bearer " + "x" * 4096,
    ],
)
def test_every_other_header_is_refused_with_a_mend(header: str | None) -> None:
    with pytest.raises(Unauthenticated) as caught:
        parse_authorization(header)
    assert caught.value.faults[0].pointer == "authorization"
    assert caught.value.faults[0].mend


@given(st.text(max_size=300))
def test_whatever_stands_in_the_header_it_is_read_or_refused(header: str) -> None:
    try:
        assert parse_authorization(header).text
    except Unauthenticated:
        return


def test_a_secret_is_never_printed() -> None:
    assert "hunter2" not in repr(Secret("hunter2", "key_1"))


def test_all_stands_for_writing_and_reading_and_never_for_administering() -> None:
    assert expand_scopes(["all"]) == ALL | {"read/mine"}
    assert expand_scopes(["read"]) == {"read", "read/mine"}
    assert expand_scopes(["write"]) == {"write"}
    assert not expand_scopes(["all"]) & {"admin", "review"}


def test_a_word_that_is_no_scope_is_refused() -> None:
    with pytest.raises(Rejected, match="root is no scope"):
        expand_scopes(["write", "root"])


@given(
    st.sampled_from(sorted(KINDS)),
    st.frozensets(st.sampled_from(sorted(SCOPES))),
    st.frozensets(st.sampled_from(sorted(KINDS))),
    st.frozensets(st.sampled_from(sorted(SCOPES))),
)
def test_access_needs_the_kind_and_one_of_the_scopes(
    kind: str, granted: frozenset[str], kinds: frozenset[str], scopes: frozenset[str]
) -> None:
    principal = Principal(kind=kind, id="x", scopes=granted)  # type: ignore[arg-type]
    may = kind in kinds and (not scopes or bool(scopes & granted))
    access = Access(kinds, scopes)  # type: ignore[arg-type]
    with contextlib.nullcontext() if may else pytest.raises(Forbidden):
        access.check(principal)


class Known:
    """Knows one secret."""

    async def authenticate(self, secret: str, key_id: str) -> Principal:
        return Principal(kind="key", id=f"{key_id}/{secret}")


async def test_the_service_token_makes_a_service_and_every_other_secret_is_asked_on() -> None:
    authenticator = ServiceTokenAuthenticator(TOKEN, Known())
    assert await authenticator.authenticate(TOKEN, "") == SERVICE
    assert (await authenticator.authenticate(TOKEN + "x", "k")).id == f"k/{TOKEN}x"


async def test_without_others_to_ask_a_wrong_service_token_is_nobodys() -> None:
    with pytest.raises(Unauthenticated):
        await ServiceTokenAuthenticator(TOKEN).authenticate("ü" * 40, "")


def test_a_short_service_token_is_refused() -> None:
    with pytest.raises(ValueError, match="32 characters or more, got 5"):
        ServiceTokenAuthenticator("short")

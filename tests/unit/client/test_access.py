"""When a token is fetched, renewed and given up; without a socket."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.access import Access, ClientCredentials, KeyAccess, NoToken, TokenAccess
from shared.client.exchange import PROBLEM_LENGTH_MAX, Answer

URL = "https://deedlog.example/oauth/token"
TAKEN = Answer(200, {}, b"[]")
REFUSED = Answer(401, {}, b"{}")


class Clock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def access(clock: Clock, **more: Any) -> TokenAccess:
    return TokenAccess(ClientCredentials("key_x", "dlk_x", **more), URL, clock)


def granted(token: str = "dlo_1", **changes: Any) -> Answer:
    body = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, **changes}
    return Answer(200, {}, json.dumps(body).encode())


def test_a_token_is_asked_for_as_the_standard_says() -> None:
    needed = access(Clock(), scope="write read").needed()
    assert needed is not None
    assert needed.path == URL
    assert base64.b64decode(needed.headers["authorization"].removeprefix("Basic ")) == b"key_x:dlk_x"
    assert needed.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(needed.content.decode()) == {"grant_type": ["client_credentials"], "scope": ["write read"]}


@given(st.integers(1, 10**6), st.floats(0, 2))
def test_a_token_is_used_until_shortly_before_its_end(seconds: int, part: float) -> None:
    clock = Clock()
    tokens = access(clock)
    tokens.needed()
    clock.seconds += 1  # the answer is slow: the life counts from the question
    tokens.told(granted(expires_in=seconds))
    assert tokens.headers() == {"authorization": "Bearer dlo_1"}
    clock.seconds = 100.0 + part * seconds
    if tokens.needed() is None:
        assert clock.seconds <= 100.0 + seconds
    else:
        assert part >= 0.75 or seconds * (1 - part) <= 60.001


def test_a_token_whose_life_is_not_said_is_used_for_minutes() -> None:
    clock = Clock()
    tokens = access(clock)
    tokens.needed()
    tokens.told(granted(expires_in=None))
    assert tokens.needed() is None
    clock.seconds += 300
    assert tokens.needed() is not None


def test_a_token_that_was_good_and_is_refused_is_replaced_once() -> None:
    tokens = access(Clock())
    tokens.needed()
    tokens.told(granted())
    assert not tokens.is_outdated(TAKEN)
    assert tokens.is_outdated(REFUSED)
    assert tokens.needed() is not None
    tokens.told(granted("dlo_2"))
    assert not tokens.is_outdated(REFUSED), "a new token that is refused is no reason to ask for another at once"
    assert tokens.needed() is not None, "and the next try begins with another"


@pytest.mark.parametrize("status", [200, 403, 429, 500])
def test_other_answers_leave_the_token_as_it_is(status: int) -> None:
    tokens = access(Clock())
    tokens.needed()
    tokens.told(granted())
    for _ in range(2):
        assert not tokens.is_outdated(Answer(status, {}, b""))
        assert tokens.needed() is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(401, {}, b'{"error": "invalid_client"}'), "401: invalid_client (look at client_id and client_secret)"),
        (Answer(400, {}, b'{"error": "invalid_scope", "error_description": "no"}'), "400: invalid_scope: no"),
        (Answer(404, {}, b"<html>"), "404: it gives no reason (look at token_url)"),
        (Answer(302, {}, b""), "look at token_url"),
        (Answer(503, {}, b'{"detail": "Later."}'), "503: it gives no reason: Later."),
        (Answer(200, {}, b"<html>"), "gives no bearer token"),
        (Answer(200, {}, b"[" * 100_000), "gives no bearer token"),
        (granted(token_type="mac"), "gives no bearer token"),
        (granted("two words"), "gives no bearer token"),
        (granted("line\nbreak"), "gives no bearer token"),
        (granted(""), "gives no bearer token"),
    ],
)
def test_no_token_is_told_in_a_sentence(answer: Answer, words: str) -> None:
    tokens = access(Clock())
    tokens.needed()
    with pytest.raises(NoToken) as refusal:
        tokens.told(answer)
    assert words in refusal.value.problem
    assert refusal.value.problem.startswith("no access token: ")
    assert tokens.needed() is not None


def test_a_server_that_asks_to_be_left_alone_is() -> None:
    tokens = access(Clock())
    with pytest.raises(NoToken) as refusal:
        tokens.told(Answer(429, {"retry-after": "17"}, b'{"error": "temporarily_unavailable"}'))
    assert refusal.value.after_seconds == 17


@given(
    st.integers(100, 599),
    st.binary(max_size=2_000) | st.text(max_size=2_000).map(lambda text: json.dumps({"error": text}).encode()),
)
def test_whatever_answers_there_is_a_token_or_a_bounded_reason(status: int, content: bytes) -> None:
    tokens = access(Clock())
    with pytest.raises(NoToken) as refusal:
        tokens.told(Answer(status, {}, content))
    assert len(refusal.value.problem) <= PROBLEM_LENGTH_MAX + 50


def test_a_key_needs_nothing_and_is_never_replaced() -> None:
    key: Access = KeyAccess("dlk_x")
    assert key.needed() is None
    assert key.headers() == {"authorization": "Bearer dlk_x"}
    assert not key.is_outdated(REFUSED)

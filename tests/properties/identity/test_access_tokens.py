"""Access tokens: never more than their key, in scopes, in time and in number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.access_tokens import (
    ISSUED_A_MINUTE_MAX,
    LIFETIME,
    LIVE_MAX,
    MINUTE,
    Holding,
    TokenRefused,
    TooManyTokens,
    access_token,
    check_room,
    narrowed,
)
from services.identity.domain.api_keys import ApiKey
from shared.kernel.errors import Unauthenticated
from shared.kernel.ids import KeyId, OrganisationId
from shared.runtime.auth import SCOPES, expand_scopes

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VOCABULARY = sorted(SCOPES | {"all"})
granted = st.lists(st.sampled_from(VOCABULARY), min_size=1, unique=True).map(lambda words: tuple(sorted(words)))
spans = st.timedeltas(-timedelta(hours=3), timedelta(hours=3))
rests = spans.filter(lambda rest: rest > timedelta(0))


def key(scopes: tuple[str, ...], expires_at: datetime, revoked_at: datetime | None = None) -> ApiKey:
    made = (KeyId("key_1"), OrganisationId("org_1"), None, scopes, True, NOW)
    return ApiKey(*made, expires_at, revoked_at)


@given(granted, st.none() | st.lists(st.sampled_from(VOCABULARY), min_size=1).map(" ".join))
def test_a_token_has_what_was_asked_for_and_nothing_that_its_key_has_not(
    scopes: tuple[str, ...], wanted: str | None
) -> None:
    has = expand_scopes(scopes)
    asked = has if wanted is None else expand_scopes(wanted.split(" "))
    if asked <= has:
        assert expand_scopes(narrowed(scopes, wanted, expand_scopes)) == asked
    else:
        with pytest.raises(TokenRefused, match="was not granted"):
            narrowed(scopes, wanted, expand_scopes)


@given(st.text().filter(lambda text: not set(text.split(" ")) <= set(VOCABULARY)))
def test_whatever_is_asked_for_the_refusal_is_one_that_the_standard_can_tell(wanted: str) -> None:
    with pytest.raises(TokenRefused) as refusal:
        narrowed(("all",), wanted, expand_scopes)
    assert refusal.value.error == "invalid_scope"
    assert refusal.value.message.isascii()
    assert not set(refusal.value.message) & {'"', "\\"}


@given(rests, st.none() | spans, spans, st.sampled_from(["", "key_1", "key_2"]))
def test_a_token_opens_while_it_and_its_key_live(
    rest: timedelta, revoked_after: timedelta | None, elapsed: timedelta, key_id: str
) -> None:
    revoked_at = None if revoked_after is None else NOW + revoked_after
    token = access_token(key(("read",), NOW + rest, revoked_at), None, NOW, expand_scopes)
    at = NOW + elapsed
    assert NOW < token.expires_at <= NOW + min(rest, LIFETIME)
    if at < token.expires_at and (revoked_at is None or at < revoked_at) and key_id != "key_2":
        caller = token.caller(key_id, at)
        assert (caller.id, caller.organisation, caller.is_test) == ("key_1", "org_1", True)
    else:
        with pytest.raises(Unauthenticated):
            token.caller(key_id, at)


@given(
    st.integers(0, 2 * LIVE_MAX),
    st.integers(0, 2 * ISSUED_A_MINUTE_MAX),
    st.timedeltas(timedelta(microseconds=1), LIFETIME),
    st.timedeltas(timedelta(0), MINUTE - timedelta(microseconds=1)),
)
def test_who_is_refused_for_their_number_hears_when_there_is_room(
    live: int, recent: int, until_first_ends: timedelta, since_first: timedelta
) -> None:
    held = Holding(live, NOW + until_first_ends if live else None, recent, NOW - since_first if recent else None)
    if live < LIVE_MAX and recent < ISSUED_A_MINUTE_MAX:
        check_room(held, NOW)
        return
    with pytest.raises(TooManyTokens) as refusal:
        check_room(held, NOW)
    assert 0 < refusal.value.retry_after_seconds <= 3600

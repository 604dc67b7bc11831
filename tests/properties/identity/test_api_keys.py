"""Keys: what they open, until when, and with which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.api_keys import LIFETIME_MAX, ApiKey, key_expiry, key_scopes
from services.identity.domain.credentials import secret_digest, secret_text
from shared.kernel.errors import Rejected, Unauthenticated
from shared.kernel.ids import KeyId, OrganisationId
from shared.runtime.auth import SCOPES, expand_scopes

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VOCABULARY = SCOPES | {"all"}
moments = st.timedeltas(-timedelta(days=900), timedelta(days=900)).map(lambda elapsed: NOW + elapsed)
keys = st.builds(
    ApiKey,
    st.just(KeyId("key_1")),
    st.just(OrganisationId("org_1")),
    st.none(),
    st.just(("write",)),
    st.booleans(),
    st.just(NOW),
    moments,
    st.none() | moments,
)


@given(keys, st.sampled_from(["", "key_1", "key_2"]), moments)
def test_a_key_speaks_while_it_lives_and_under_its_own_id(key: ApiKey, key_id: str, at: datetime) -> None:
    is_live = at < key.expires_at and (key.revoked_at is None or at < key.revoked_at)
    assert key.is_live(at) == is_live
    if is_live and key_id in {"", "key_1"}:
        caller = key.caller(key_id, at)
        assert (caller.kind, caller.organisation, caller.is_test) == ("key", "org_1", key.is_test)
    else:
        with pytest.raises(Unauthenticated):
            key.caller(key_id, at)


@given(st.lists(st.sampled_from([*sorted(VOCABULARY), "rule", ""]), max_size=10))
def test_scopes_are_kept_once_each_and_every_door_understands_them(words: list[str]) -> None:
    if words and VOCABULARY.issuperset(words):
        scopes = key_scopes(words, VOCABULARY)
        assert list(scopes) == sorted(set(words))
        assert expand_scopes(scopes) <= SCOPES
    else:
        with pytest.raises(Rejected):
            key_scopes(words, VOCABULARY)


@given(st.none() | moments)
def test_a_key_ends_in_the_next_two_years(wanted: datetime | None) -> None:
    if wanted is None or NOW < wanted <= NOW + LIFETIME_MAX:
        assert NOW < key_expiry(wanted, NOW) <= NOW + LIFETIME_MAX
    else:
        with pytest.raises(Rejected):
            key_expiry(wanted, NOW)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_secrets_differ_as_their_chance_does_and_pass_through_a_header(one: bytes, other: bytes) -> None:
    secret = secret_text("dlk_", one)
    assert (secret_digest(secret) == secret_digest(secret_text("dlk_", other))) == (one == other)
    assert len(secret) == 47
    assert secret.isascii()
    assert ":" not in secret
    assert secret_digest(secret) != secret_digest(secret_text("dlt_", one))

"""Rules of identity that one example shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.identity.domain.account_links import Claim, check_attestation, check_open_count, propose_link
from services.identity.domain.accounts import LinkedAccount, check_identifiers, newcomer
from services.identity.domain.aliases import Aliases, Member
from services.identity.domain.api_keys import check_live
from services.identity.domain.credentials import check_lifetime, is_admin, secret_digest, secret_text
from services.identity.domain.facts import Occasion
from services.identity.domain.names import check_text
from services.identity.domain.people import Origin
from services.identity.settings import IdentitySettings
from shared.events.event import decode
from shared.events.identity import AccountLinked
from shared.kernel.errors import Conflict, Forbidden, NotFound, Rejected, TooLarge, Unauthenticated
from shared.kernel.ids import AccountId, FactId, OrganisationId, PersonId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINE, THEIRS = OrganisationId("org_1"), OrganisationId("org_2")
PERSON, OTHER = PersonId("prs_1"), PersonId("prs_2")


def test_a_secret_is_a_prefix_and_its_bytes_in_base64url() -> None:
    assert secret_text("dlk_", bytes(range(224, 256))) == "dlk_4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8"
    with pytest.raises(ValueError, match="32 random bytes"):
        secret_text("dlk_", b"short")


def test_the_operator_is_whoever_has_the_secret_and_without_one_nobody_is() -> None:
    digest = secret_digest("secret")
    assert is_admin("secret", "", digest)
    assert is_admin("secret", "admin", digest)
    assert not is_admin("secret", "key_1", digest)
    assert not is_admin("Secret", "", digest)
    assert not is_admin("secret", "", None)


def test_a_credential_ends_at_its_very_instant() -> None:
    check_lifetime("key", NOW + timedelta(microseconds=1), None, NOW)
    with pytest.raises(Unauthenticated, match=r"this key expired at 2026-01-01T00:00:00\.000000Z"):
        check_lifetime("key", NOW, None, NOW)
    with pytest.raises(Unauthenticated, match="this session was revoked at"):
        check_lifetime("session", NOW + timedelta(days=1), NOW, NOW)


@pytest.mark.parametrize(
    "identifier",
    ["account:https://lms.example|4711", "mbox:ada@example.org", "openid:https://x", "git-author:ada", "a:b"],
)
def test_an_identifier_is_a_kind_a_colon_and_a_text(identifier: str) -> None:
    check_identifiers([identifier])


@pytest.mark.parametrize(
    "identifier", ["", "ada", ":ada", "Account:ada", "mbox:", "mbox:a\x00b", "mbox:a\nb", "a:" + "x" * 1_499]
)
def test_what_is_no_identifier_is_refused_by_its_place(identifier: str) -> None:
    with pytest.raises(Rejected) as refusal:
        check_identifiers(["mbox:fine", identifier])
    assert [fault.pointer for fault in refusal.value.faults] == ["/identifiers/1"]


def test_more_identifiers_than_the_bound_are_refused() -> None:
    check_identifiers(["a:b"] * 1_000)
    with pytest.raises(TooLarge, match="expected at most 1000 identifiers, got 1001"):
        check_identifiers(["a:b"] * 1_001)


def test_an_identifier_whose_json_would_burst_the_fact_is_not_told() -> None:
    occasion = Occasion(NOW, lambda: FactId("fact"))
    for identifier, is_told in [("a:" + "x" * 1_490, True), ("a:" + '"' * 1_490, False)]:
        _, linked = newcomer(MINE, identifier, AccountId("acc_1"), PERSON, occasion).facts
        event = decode(linked.type, linked.data)
        assert isinstance(event, AccountLinked)
        assert event.personal is not None
        assert (event.personal.identifier == identifier) == is_told


@pytest.mark.parametrize("text", ["Ada Lovelace", "李小龍", "निर्मला\u200d", "x" * 200])
def test_a_name_may_be_in_any_script(text: str) -> None:
    assert check_text(text, "/name") == text


def test_a_platform_vouches_only_for_people_of_its_accounts_alone() -> None:
    def side(*people: tuple[PersonId, Origin]) -> list[Member]:
        return [Member(NOW, person, origin) for person, origin in people]

    def account(person: PersonId, organisation: OrganisationId) -> LinkedAccount:
        return LinkedAccount(AccountId("acc_1"), organisation, "a:b", person, NOW)

    check_attestation(side((PERSON, "account")), [account(PERSON, MINE), account(OTHER, THEIRS)], MINE)
    with pytest.raises(Forbidden):
        check_attestation(side((PERSON, "account")), [account(PERSON, MINE), account(PERSON, THEIRS)], MINE)
    with pytest.raises(Forbidden):
        check_attestation(side((PERSON, "account"), (OTHER, "admin")), [account(PERSON, MINE)], MINE)


def test_a_claim_knows_its_proof() -> None:
    assert Claim(PERSON).proof == "session"
    assert Claim(PERSON, MINE).proof == "attestation"


def test_a_code_needs_its_ten_bytes() -> None:
    assert propose_link("lnk_1", PERSON, bytes(10), NOW)[1] == "0000-0000-0000-0000"
    with pytest.raises(ValueError, match="10 random bytes"):
        propose_link("lnk_1", PERSON, bytes(9), NOW)


def test_a_stranger_is_one_with_nobody() -> None:
    with pytest.raises(NotFound):
        Aliases(frozenset({Member(NOW, PERSON, "admin")})).canonical("prs_9")


def test_bounds_are_met_at_the_bound_and_not_before() -> None:
    check_live(19)
    check_open_count(4)
    with pytest.raises(Conflict):
        check_live(20)
    with pytest.raises(Conflict):
        check_open_count(5)


def test_settings_take_a_digest_or_nothing() -> None:
    environment = {
        "DEEDLOG_DATABASE_DOOR_URL": "postgresql://x",
        "DEEDLOG_DATABASE_BACKBONE_URL": "postgresql://x",
        "DEEDLOG_SERVICE_TOKEN": "t" * 32,
    }
    assert IdentitySettings.load("identity", environment).admin_digest is None
    digest = {"DEEDLOG_ADMIN_KEY_DIGEST": "ab" * 32}
    assert IdentitySettings.load("identity", environment | digest).admin_digest == b"\xab" * 32
    with pytest.raises(Rejected, match="ADMIN_KEY_DIGEST"):
        IdentitySettings.load("identity", environment | {"DEEDLOG_ADMIN_KEY_DIGEST": "the secret itself"})

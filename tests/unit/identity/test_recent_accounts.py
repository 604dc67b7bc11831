"""What is remembered of accounts: for a second, bounded, and never across a merge."""

from __future__ import annotations

from datetime import UTC, datetime

from services.identity.domain.accounts import Account
from services.identity.handlers.recent_accounts import RecentAccounts
from shared.kernel.clock import FixedClock
from shared.kernel.ids import AccountId, OrganisationId, PersonId

ORGANISATION, OTHER = OrganisationId("org_1"), OrganisationId("org_2")


def account(identifier: str, canonical: str = "prs_1") -> Account:
    return Account(identifier, AccountId("acc_1"), PersonId("prs_1"), PersonId(canonical))


def recent(entries_max: int = 3) -> tuple[RecentAccounts, FixedClock, list[int]]:
    clock, dropped = FixedClock(datetime(2026, 1, 1, tzinfo=UTC)), list[int]()
    return RecentAccounts(clock, dropped.append, entries_max=entries_max), clock, dropped


def test_an_account_is_known_for_less_than_a_second() -> None:
    accounts, clock, _ = recent()
    accounts.put(accounts.generation, ORGANISATION, [account("a:1")])
    clock.advance(0.99)
    assert accounts.found(ORGANISATION, ["a:1", "a:2"]) == {"a:1": account("a:1")}
    clock.advance(0.01)
    assert accounts.found(ORGANISATION, ["a:1"]) == {}


def test_another_organisation_finds_nothing() -> None:
    accounts, _, _ = recent()
    accounts.put(accounts.generation, ORGANISATION, [account("a:1")])
    assert accounts.found(OTHER, ["a:1"]) == {}


def test_beyond_the_bound_the_oldest_go_and_are_counted() -> None:
    accounts, _, dropped = recent()
    accounts.put(accounts.generation, ORGANISATION, [account(f"a:{number}") for number in range(3)])
    accounts.put(accounts.generation, ORGANISATION, [account("a:0"), account("a:3"), account("a:4")])
    assert set(accounts.found(ORGANISATION, [f"a:{number}" for number in range(5)])) == {"a:0", "a:3", "a:4"}
    assert dropped == [2]


def test_an_answer_from_before_a_merge_is_not_put_back_after_it() -> None:
    """Interleaving: look-up reads, merge commits and forgets, look-up puts what it read."""
    accounts, _, _ = recent()
    generation = accounts.generation
    accounts.forget()
    accounts.put(generation, ORGANISATION, [account("a:1")])
    assert accounts.found(ORGANISATION, ["a:1"]) == {}
    accounts.put(accounts.generation, ORGANISATION, [account("a:1", "prs_0")])
    assert accounts.found(ORGANISATION, ["a:1"])["a:1"].canonical == "prs_0"

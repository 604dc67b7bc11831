"""What one step of a removal takes: what is old, whole transactions, within its bounds, and never nothing for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as some

from services.learning_events.domain.retention import kept_since
from services.learning_events.store.retention import REMOVED_AT_ONCE, REMOVED_BYTES_AT_ONCE, _whole_transactions

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Row(dict[str, object]):
    """A row as the driver gives it: by name, and by place."""

    def __getitem__(self, key: object) -> object:
        if isinstance(key, slice):
            return tuple(self.values())[key]
        return super().__getitem__(key)  # type: ignore[index]


def rows_of(transactions: list[tuple[int, int, int]]) -> list[Row]:
    """Return rows; of each transaction how many, how many minutes after noon, and how many bytes each."""
    return [
        Row(epoch=1, xid=str(xid), place=place, stored_at=NOON + timedelta(minutes=minutes), bytes=size)
        for xid, (count, minutes, size) in enumerate(transactions)
        for place in range(count)
    ]


TRANSACTIONS = some.lists(
    some.tuples(some.integers(1, 500), some.integers(-5, 5), some.sampled_from([0, 900, 100_000])), max_size=12
)


@given(TRANSACTIONS)
def test_a_step_takes_old_whole_transactions_from_the_first_on(transactions: list[tuple[int, int, int]]) -> None:
    everything = rows_of(transactions)
    page = everything[: REMOVED_AT_ONCE + 1]
    taken = list(_whole_transactions(page, NOON))
    assert taken == page[: len(taken)]
    assert all(row["stored_at"] < NOON for row in taken)
    assert len(taken) <= REMOVED_AT_ONCE
    left = {row["xid"] for row in everything[len(taken) :]}
    assert not left & {row["xid"] for row in taken}


@given(TRANSACTIONS)
def test_a_step_takes_something_while_the_first_is_old(transactions: list[tuple[int, int, int]]) -> None:
    page = rows_of(transactions)[: REMOVED_AT_ONCE + 1]
    taken = _whole_transactions(page, NOON)
    assert bool(taken) is bool(page and page[0]["stored_at"] < NOON)  # type: ignore[operator]


@given(TRANSACTIONS)
def test_a_step_looks_at_no_more_bytes_than_its_bound_but_for_one_transaction(
    transactions: list[tuple[int, int, int]],
) -> None:
    taken = _whole_transactions(rows_of(transactions)[: REMOVED_AT_ONCE + 1], NOON)
    of_one = len(list(groupby(taken, key=lambda row: row["xid"]))) <= 1
    assert of_one or sum(row["bytes"] for row in taken) <= REMOVED_BYTES_AT_ONCE


def test_days_are_counted_back_from_now() -> None:
    assert kept_since(1, NOON) == NOON - timedelta(hours=24)

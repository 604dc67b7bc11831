"""Whatever is taken by `send` is JSON that the server's strict reader takes, and says the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.client.backoff import FIRST_SECONDS, LAST_SECONDS, Backoff
from shared.client.errors import NotSendable
from shared.client.item import item_of
from shared.kernel import canonical_json
from tests.unit.client.made import NOW, statement, uuid_of

ANY_TEXT = st.text(st.characters())
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(max_size=2) | st.dates()
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(ANY_TEXT | st.integers(), inner, max_size=3)
        | st.sets(st.integers(), max_size=2)
    ),
    max_leaves=6,
)


def plain(value: Any) -> Any:
    """Return the value as JSON has it: without tuples."""
    if isinstance(value, dict):
        return {name: plain(child) for name, child in value.items()}
    return [plain(child) for child in value] if isinstance(value, list | tuple) else value


@given(VALUES)
def test_what_is_taken_can_be_read_by_the_server_and_what_is_not_names_its_place(value: Any) -> None:
    whole = statement(context={"extensions": {"https://lms.example/x": value}})
    try:
        item = item_of(whole, lambda: uuid_of(1), lambda: NOW)
    except NotSendable as refused:
        assert refused.pointer.startswith("/context/extensions")  # noqa: PT017 - the other branch is no failure
    else:
        assert canonical_json.loads(b"[" + item.body + b"]") == [plain(whole)]


@given(VALUES)
def test_nothing_that_is_handed_over_breaks_the_checks(value: Any) -> None:
    try:
        item_of(value, lambda: uuid_of(1), lambda: NOW)
    except NotSendable as refused:
        assert refused.mend  # noqa: PT017 - the other branch is no failure


@given(st.lists(st.none() | st.floats(0, 1e9), max_size=40), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_shorter_than_asked_nor_longer_than_both_bounds(asked: list[float | None], luck: float) -> None:
    backoff = Backoff(lambda: luck)
    for each in asked:
        wait = backoff.failed(each)
        assert wait >= FIRST_SECONDS / 2
        assert min(each or 0.0, 3600.0) <= wait <= max(LAST_SECONDS, min(each or 0.0, 3600.0))

"""From a request's bytes to statements, taken whole or one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from services.learning_events.domain.batch import BATCH_FAULTS_MAX, STATEMENTS_MAX, Batch, validate_batch
from services.learning_events.domain.statement import XapiVersion
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected, TooLarge
from tests.unit.learning_events.samples import BEN, ID, OTHER_ID, full, small

NOW = datetime(2026, 3, 2, tzinfo=UTC)
FRESH = "00000000-0000-7000-8000-000000000001"


def read(value: Any, **options: Any) -> Batch:
    return validate_batch(json.dumps(value).encode(), NOW, lambda: FRESH, **options)


def test_one_statement_is_a_batch_of_one() -> None:
    batch = read(full())
    assert not batch.is_array
    assert [statement.event.statement_id for statement in batch.accept_whole()] == [ID]


def test_an_array_keeps_its_order() -> None:
    batch = read([small(id=OTHER_ID), small()])
    assert batch.is_array
    assert [statement.event.statement_id for statement in batch.accept_whole()] == [OTHER_ID, ID]
    assert [statement.index for statement in batch.statements] == [0, 1]


def test_an_empty_array_holds_nothing_and_is_no_fault() -> None:
    assert read([]).accept_whole() == ()


def test_the_digest_is_the_same_however_the_statement_was_spelled() -> None:
    spellings = [json.dumps(full(), indent=4).encode(), json.dumps([full()], sort_keys=True).encode()]
    digests = {validate_batch(raw, NOW, lambda: FRESH).accept_whole()[0].event.digest for raw in spellings}
    assert digests == {sha256(canonical_json.dumps(full())).digest()}


def test_the_original_is_kept_in_canonical_form() -> None:
    (statement,) = read(full()).accept_whole()
    assert json.loads(statement.original) == full()
    assert sha256(statement.original).digest() == statement.event.digest


def test_a_statement_without_an_id_is_given_one_and_its_original_stays_without() -> None:
    without = small()
    del without["id"]
    (statement,) = read(without).accept_whole()
    assert statement.event.statement_id == FRESH
    assert not statement.has_own_id
    assert "id" not in json.loads(statement.original)


def test_ids_are_told_in_lower_case() -> None:
    (statement,) = read(small(id=ID.upper())).accept_whole()
    assert statement.event.statement_id == ID
    assert statement.has_own_id


def test_one_bad_statement_refuses_the_batch_whole_and_says_where() -> None:
    batch = read([small(id=OTHER_ID), small(verb={})])
    with pytest.raises(Rejected) as caught:
        batch.accept_whole()
    assert [fault.pointer for fault in caught.value.faults] == ["/1/verb/id"]
    assert caught.value.message.startswith("1 of 2 statements are not valid, nothing was stored. /1/verb/id: ")


def test_one_by_one_the_good_statements_stay_and_the_bad_come_back() -> None:
    batch = read([small(verb={}), small(), 7])
    assert [statement.index for statement in batch.statements] == [1]
    assert [(refused.index, refused.faults[0].pointer) for refused in batch.refused] == [(0, "/0/verb/id"), (2, "/2")]


@pytest.mark.parametrize("second", [ID, ID.upper()])
def test_of_two_statements_with_one_id_the_second_is_refused(second: str) -> None:
    batch = read([small(), small(id=second)])
    assert [statement.index for statement in batch.statements] == [0]
    assert [fault.pointer for refused in batch.refused for fault in refused.faults] == ["/1/id"]


def test_statements_up_to_the_bound_are_taken_and_one_more_is_too_large() -> None:
    statements = [small(id=f"00000000-0000-4000-8000-{number:012}") for number in range(STATEMENTS_MAX + 1)]
    assert len(read(statements[:-1]).accept_whole()) == STATEMENTS_MAX
    with pytest.raises(TooLarge):
        read(statements)


def test_bytes_over_the_bound_are_too_large() -> None:
    raw = json.dumps(small()).encode()
    assert validate_batch(raw, NOW, lambda: FRESH, bytes_max=len(raw)).accept_whole()
    with pytest.raises(TooLarge):
        validate_batch(raw, NOW, lambda: FRESH, bytes_max=len(raw) - 1)


def test_a_refused_batch_tells_a_bounded_number_of_faults() -> None:
    batch = read([small(id=f"bad-{number}", verb={}) for number in range(STATEMENTS_MAX)])
    with pytest.raises(Rejected) as caught:
        batch.accept_whole()
    assert len(caught.value.faults) == BATCH_FAULTS_MAX


def test_identifiers_too_long_for_a_fact_are_refused() -> None:
    batch = read(small(object={"id": "https://lms.example/" + "a" * 1_400}))
    assert [fault.pointer for refused in batch.refused for fault in refused.faults] == ["/object"]


def test_the_version_of_the_request_decides() -> None:
    statement = small(context={"contextAgents": [{"objectType": "contextAgent", "agent": BEN}]})
    assert read(statement).refused == ()
    assert read(statement, version=XapiVersion.V1_0).refused != ()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"id": 1, "id": 2}', id="a name twice"),
        pytest.param(b'{"result": {"score": {"raw": NaN}}}', id="not a number"),
        pytest.param(b'{"verb": {"id": "\\ud800"}}', id="half a character"),
        pytest.param(b'{"a":' * 100 + b"1" + b"}" * 100, id="too deep"),
        pytest.param(b"\xff\xfe{}", id="not UTF-8"),
        pytest.param(b'{"raw": 1e999}', id="a number beyond the doubles"),
    ],
)
def test_bytes_that_are_no_strict_json_are_rejected(raw: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        validate_batch(raw, NOW, lambda: FRESH)
    assert caught.value.faults

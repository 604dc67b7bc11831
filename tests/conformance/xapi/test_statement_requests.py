"""PUT and POST of statements, and what makes a request wrong whatever it carries (part 3, 2.1.1, 2.1.2 and 3.2)."""

from __future__ import annotations

from typing import Any

import pytest

from services.learning_events.domain.batch import STATEMENTS_MAX
from shared.kernel.ids import system_uuid7
from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import BEN, stating

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_put_answers_204_and_the_statement_is_found(lrs: Lrs) -> None:
    """XAPI-00143, XAPI-00144."""
    statement_id = str(system_uuid7())
    response = await lrs.put(statement_id, stating())
    assert (response.status_code, response.content) == (204, b"")
    assert (await lrs.get(statementId=statement_id)).json()["id"] == statement_id


async def test_put_without_the_id_in_its_query_is_refused(lrs: Lrs) -> None:
    """XAPI-00145."""
    response = await lrs.ask("PUT", "/statements", None, stating(id=str(system_uuid7())))
    assert response.status_code == 400


async def test_put_of_two_ids_is_refused(lrs: Lrs) -> None:
    """2.1.1."""
    response = await lrs.put(str(system_uuid7()), stating(id=str(system_uuid7())))
    assert response.status_code == 400


async def test_post_answers_the_ids_in_their_order(lrs: Lrs) -> None:
    """XAPI-00146, XAPI-00147."""
    ids = [str(system_uuid7()) for _ in range(3)]
    response = await lrs.post([stating(id=one) for one in ids])
    assert (response.status_code, response.json()) == (200, ids)


async def test_one_wrong_statement_keeps_out_the_whole_batch(lrs: Lrs) -> None:
    """XAPI-00182, XAPI-00326."""
    ids = [str(system_uuid7()) for _ in range(3)]
    batch = [stating(id=ids[0]), stating(id=ids[1], actor={}), stating(id=ids[2])]
    assert (await lrs.post(batch)).status_code == 400
    for one in ids:
        assert (await lrs.get(statementId=one)).status_code == 404


async def test_an_id_twice_in_a_batch_is_refused(lrs: Lrs) -> None:
    """2.1.2."""
    statement_id = str(system_uuid7())
    assert (await lrs.post([stating(id=statement_id), stating(id=statement_id)])).status_code == 400


@pytest.mark.parametrize(
    ("method", "query"),
    [
        case("XAPI-00324", "an unknown field, POST", "POST", {"colour": "red"}),
        case("XAPI-00324", "an unknown field, PUT", "PUT", {"statementId": str(system_uuid7()), "colour": "red"}),
        case("XAPI-00324", "an unknown field, GET", "GET", {"statementId": str(system_uuid7()), "colour": "red"}),
        case("XAPI-00325", "other case, PUT", "PUT", {"statementid": str(system_uuid7())}),
        case("XAPI-00325", "other case, GET", "GET", {"StatementId": str(system_uuid7())}),
        case("XAPI-00325", "other case, voided", "GET", {"voidedstatementid": str(system_uuid7())}),
        case("XAPI-00012", "no UUID, PUT", "PUT", {"statementId": "4711"}),
        case("XAPI-00012", "no UUID, GET", "GET", {"statementId": "4711"}),
        case("XAPI-00012", "no UUID, voided", "GET", {"voidedStatementId": "4711"}),
    ],
)
async def test_a_query_that_is_not_understood_is_refused(lrs: Lrs, method: str, query: Any) -> None:
    body = None if method == "GET" else stating(actor=BEN)
    assert (await lrs.ask(method, "/statements", query, body)).status_code == 400


async def test_a_statement_that_nobody_sent_is_not_found(lrs: Lrs) -> None:
    """3.2."""
    for name in ("statementId", "voidedStatementId"):
        assert (await lrs.get(**{name: str(system_uuid7())})).status_code == 404


@pytest.mark.parametrize(("scopes", "method"), [(["read"], "POST"), (["read"], "PUT"), (["write"], "GET")])
async def test_a_key_without_the_scope_is_answered_403(lrs: Lrs, scopes: list[str], method: str) -> None:
    """XAPI-00327."""
    limited = Lrs(lrs.platform.house.platform(scopes), lrs.version)
    query = {} if method == "POST" else {"statementId": str(system_uuid7())}
    response = await limited.ask(method, "/statements", query, None if method == "GET" else stating())
    assert response.status_code == 403


async def test_a_batch_above_the_limit_is_answered_413_and_stores_nothing(lrs: Lrs) -> None:
    """XAPI-00328."""
    batch = [stating(id=str(system_uuid7())) for _ in range(STATEMENTS_MAX + 1)]
    assert (await lrs.post(batch)).status_code == 413
    assert (await lrs.get(statementId=batch[0]["id"])).status_code == 404

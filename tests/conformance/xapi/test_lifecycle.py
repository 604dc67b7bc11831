"""A statement never changes, and is void once another statement says so (part 2, 2.3; 2.0: 4.2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.kernel.ids import system_uuid7
from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import ADA, ANSWERED, BEN, QUESTION, REFERENCE, VOIDED, changed, defined, stating

pytestmark = pytest.mark.asyncio(loop_scope="session")


def fresh(**changes: Any) -> dict[str, Any]:
    return stating(id=str(system_uuid7()), **changes)


def voiding(target: str) -> dict[str, Any]:
    return fresh(verb=VOIDED, object=changed(REFERENCE, id=target))


@pytest.mark.parametrize(
    "changes",
    [
        case("XAPI-00142", "actor", {"actor": BEN}),
        case("XAPI-00142", "verb", {"verb": {"id": "https://example.org/verbs/other"}}),
        case("XAPI-00142", "object", {"object": changed(QUESTION, id="https://lms.example/questions/2")}),
        case("XAPI-00142", "result", {"result": {"success": False}}),
        case("XAPI-00142", "context", {"context": {"platform": "x"}}),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_another_statement_of_the_same_id_is_refused_and_changes_nothing(
    lrs: Lrs, method: str, changes: Any
) -> None:
    kept = fresh()
    before = await lrs.stored(kept)
    other = {**kept, **changes}
    response = await (lrs.post(other) if method == "POST" else lrs.put(kept["id"], other))
    assert response.status_code == 409
    assert (await lrs.get(statementId=kept["id"])).json() == before


async def test_the_same_statement_again_changes_nothing(lrs: Lrs) -> None:
    """XAPI-00142."""
    kept = fresh()
    before = await lrs.stored(kept)
    assert (await lrs.post(kept)).json() == [kept["id"]]
    assert (await lrs.put(kept["id"], kept)).status_code == 204
    assert (await lrs.get(statementId=kept["id"])).json() == before


@pytest.mark.parametrize(
    "changes",
    [
        case("2.3.1", "display", {"verb": changed(ANSWERED, display={"de": "beantwortet"})}),
        case("2.3.1", "definition", {"object": defined(name={"en": "Question"})}),
        case("2.3.1", "authority", {"authority": BEN}),
        case("2.3.1", "stored", {"stored": "2013-05-18T05:32:34.804Z"}),
        case("2.3.1", "version", {"version": "1.0.1"}),
    ],
)
async def test_what_stores_may_change_makes_no_other_statement(lrs: Lrs, changes: Any) -> None:
    kept = fresh()
    await lrs.takes(kept)
    response = await lrs.post({**kept, **changes})
    assert response.status_code == 200


async def test_a_void_statement_is_found_by_voided_statement_id_only(lrs: Lrs) -> None:
    """XAPI-00018, XAPI-00155, XAPI-00157, XAPI-00163."""
    kept = fresh()
    await lrs.takes(kept)
    assert (await lrs.get(voidedStatementId=kept["id"])).status_code == 404
    await lrs.takes(voiding(kept["id"]))
    assert (await lrs.get(statementId=kept["id"])).status_code == 404
    found = await lrs.get(voidedStatementId=kept["id"])
    assert (found.status_code, found.json()["id"]) == (200, kept["id"])


async def test_a_statement_that_is_void_already_stays_void(lrs: Lrs) -> None:
    """XAPI-00016."""
    kept = fresh()
    await lrs.takes(kept)
    await lrs.takes(voiding(kept["id"]))
    await lrs.post(voiding(kept["id"]))
    assert (await lrs.get(voidedStatementId=kept["id"])).status_code == 200


async def test_what_voids_is_never_void(lrs: Lrs) -> None:
    """XAPI-00016."""
    kept = fresh()
    void = voiding(kept["id"])
    for statement in (kept, void, voiding(void["id"])):
        await lrs.post(statement)
    assert (await lrs.get(statementId=void["id"])).status_code == 200
    assert (await lrs.get(statementId=kept["id"])).status_code == 404


async def test_a_statement_is_void_that_comes_after_what_voids_it(lrs: Lrs) -> None:
    """XAPI-00018."""
    kept = fresh(actor=ADA)
    await lrs.takes(voiding(kept["id"]))
    await lrs.takes(kept)
    assert (await lrs.get(statementId=kept["id"])).status_code == 404
    assert (await lrs.get(voidedStatementId=kept["id"])).status_code == 200


async def test_any_verb_but_the_reserved_one_voids_nothing(lrs: Lrs) -> None:
    """XAPI-00019."""
    kept = fresh()
    await lrs.takes(kept)
    await lrs.takes(fresh(object=changed(REFERENCE, id=kept["id"])))
    assert (await lrs.get(statementId=kept["id"])).status_code == 200

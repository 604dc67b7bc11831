"""Requests in a form, for clients that can send nothing else: part of 1.0.3, gone from 2.0 (part 3, 1.3)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from shared.kernel.ids import system_uuid7
from tests.conformance.xapi.lrs import VERSION_HEADER, Headers, Lrs
from tests.conformance.xapi.statements import stating

pytestmark = pytest.mark.asyncio(loop_scope="session")

NONE: Headers = {"authorization": None, VERSION_HEADER: None}


async def send(
    lrs: Lrs, method: str, form: dict[str, str], headers: Headers | None = None, **query: Any
) -> httpx.Response:
    sent = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
    return await lrs.ask("POST", "/statements", {"method": method, **query}, urlencode(form).encode(), sent)


def form_of(lrs: Lrs, **fields: str) -> dict[str, str]:
    return {"Authorization": lrs.headers["authorization"], "X-Experience-API-Version": "1.0.3", **fields}


async def test_a_get_is_asked_for_by_a_form(lrs_1: Lrs) -> None:
    """XAPI-00148."""
    kept = await lrs_1.stored(stating())
    response = await send(lrs_1, "GET", form_of(lrs_1, statementId=kept["id"]), NONE)
    assert (response.status_code, response.json()) == (200, kept)


async def test_a_put_is_asked_for_by_a_form_that_brings_its_headers(lrs_1: Lrs) -> None:
    """XAPI-00336."""
    statement_id = str(system_uuid7())
    fields = {"statementId": statement_id, "content": json.dumps(stating()), "Content-Type": "application/json"}
    assert (await send(lrs_1, "PUT", form_of(lrs_1, **fields), NONE)).status_code == 204
    assert (await lrs_1.get(statementId=statement_id)).status_code == 200


async def test_the_version_of_the_form_counts(lrs_1: Lrs) -> None:
    """XAPI-00336."""
    fields = {"statementId": str(system_uuid7()), "content": json.dumps(stating()), "X-Experience-API-Version": "0.8"}
    assert (await send(lrs_1, "PUT", form_of(lrs_1, **fields), NONE)).status_code == 400


async def test_a_query_beside_the_method_is_refused(lrs_1: Lrs) -> None:
    """XAPI-00336."""
    fields = {"content": json.dumps(stating())}
    response = await send(lrs_1, "PUT", form_of(lrs_1, **fields), NONE, statementId=str(system_uuid7()))
    assert response.status_code == 400


async def test_a_put_without_content_is_refused(lrs_1: Lrs) -> None:
    """XAPI-00336."""
    assert (await send(lrs_1, "PUT", form_of(lrs_1, statementId=str(system_uuid7())), NONE)).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "GET"])
async def test_only_a_post_carries_another_method(lrs: Lrs, method: str) -> None:
    """XAPI-00336."""
    response = await lrs.ask(method, "/statements", {"method": "POST"}, None if method == "GET" else stating())
    assert response.status_code == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_2_knows_no_other_method_than_the_request_s(lrs_2: Lrs, method: str) -> None:
    """2.0, 4.1."""
    fields = {"statementId": str(system_uuid7()), "content": json.dumps(stating())}
    response = await send(lrs_2, method, fields)
    assert 400 <= response.status_code < 500
    assert (await lrs_2.get(statementId=fields["statementId"])).status_code == 404

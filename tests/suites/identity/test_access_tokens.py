"""The client credentials grant: a key gets a token that stands for it, for an hour, and ends with it (RFC 6749)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from deedlog.identity.v1 import identity_pb2
from services.identity.domain.access_tokens import ISSUED_A_MINUTE_MAX, LIVE_MAX
from services.identity.store.access_tokens import PostgresAccessTokens
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Unauthenticated
from tests.suites.identity.house import ADMIN_SECRET, Client, IdentityHouse

pytestmark = pytest.mark.asyncio(loop_scope="session")

GRANT = {"grant_type": "client_credentials"}


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


async def ask(house: IdentityHouse, form: Mapping[str, str], **headers: str) -> httpx.Response:
    return await house.http.post("/oauth/token", data=dict(form), headers=headers)


async def grant(house: IdentityHouse, key: Mapping[str, Any], **more: str) -> dict[str, Any]:
    """Return a token of this key."""
    reply = await ask(house, GRANT | more, **basic(key["id"], key["secret"]))
    assert reply.status_code == 200, reply.text
    granted: dict[str, Any] = reply.json()
    return granted


async def a_key(house: IdentityHouse, *scopes: str, **more: Any) -> dict[str, Any]:
    return await house.key(await house.organisation(), scopes or ("all",), **more)


async def test_a_token_speaks_for_its_key_for_an_hour(house: IdentityHouse) -> None:
    key = await a_key(house, "write", "read")
    reply = await ask(house, GRANT, **basic(key["id"], key["secret"]))
    told = reply.json()
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache")
    assert told | {"access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "expires_in": 3600, "scope": "read write",
    }  # fmt: skip
    caller = await house.authenticate(told["access_token"])
    assert (caller.kind, caller.id, caller.organisation) == ("key", key["id"], key["organisation"])
    assert (set(caller.scopes), caller.is_test) == ({"read", "write"}, False)
    house.clock.advance(3_599)
    await house.authenticate(told["access_token"])
    house.clock.advance(1)
    with pytest.raises(Unauthenticated, match="this access token expired at"):
        await house.authenticate(told["access_token"])


async def test_id_and_secret_may_stand_in_the_form(house: IdentityHouse) -> None:
    key = await a_key(house)
    reply = await ask(house, GRANT | {"client_id": key["id"], "client_secret": key["secret"], "audience": "ignored"})
    assert reply.status_code == 200
    assert (await house.authenticate(reply.json()["access_token"])).id == key["id"]


async def test_a_token_of_a_test_key_sees_test_data(house: IdentityHouse) -> None:
    token = await grant(house, await a_key(house, is_test=True))
    assert (await house.authenticate(token["access_token"])).is_test


@pytest.mark.parametrize(
    ("granted", "wanted", "got"),
    [
        (("write", "read"), "read", "read"),
        (("write", "read"), "read write", "read write"),
        (("all",), "state", "state"),
        (("all",), "read/mine", "read/mine"),
        (("all",), "all", "all"),
        (("all",), "write write", "write"),
        (("write", "read", "state", "profile"), "all", "all"),
        (("read",), "read/mine", "read/mine"),
        (("read",), "", "read"),
    ],
)
async def test_a_token_may_be_asked_for_with_fewer_scopes(
    house: IdentityHouse, granted: tuple[str, ...], wanted: str, got: str
) -> None:
    token = await grant(house, await a_key(house, *granted), scope=wanted)
    assert token["scope"] == got
    assert " ".join((await house.authenticate(token["access_token"])).scopes) == got


@pytest.mark.parametrize(
    ("granted", "wanted"),
    [
        (("write",), "read"),
        (("write",), "write read"),
        (("read/mine",), "read"),
        (("write", "read"), "all"),
        (("all",), "admin"),
        (("all",), "rule"),
        (("all",), "read  write"),
        (("all",), "read,write"),
    ],
)
async def test_more_than_the_key_has_is_an_invalid_scope(
    house: IdentityHouse, granted: tuple[str, ...], wanted: str
) -> None:
    key = await a_key(house, *granted)
    reply = await ask(house, GRANT | {"scope": wanted}, **basic(key["id"], key["secret"]))
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_scope")


async def test_revoking_a_key_ends_its_tokens_at_once(house: IdentityHouse) -> None:
    key = await a_key(house)
    token = (await grant(house, key))["access_token"]
    await house.admin.delete(f"/v1/api-keys/{key['id']}")
    with pytest.raises(Unauthenticated, match="this access token's key was revoked at"):
        await house.authenticate(token)
    reply = await ask(house, GRANT, **basic(key["id"], key["secret"]))
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    assert "this key was revoked at" in reply.json()["error_description"]


async def test_a_token_ends_with_its_key(house: IdentityHouse) -> None:
    key = await a_key(house, expires_at=rfc3339(house.clock.now() + timedelta(seconds=90)))
    token = await grant(house, key)
    assert token["expires_in"] in {89, 90}
    house.clock.advance(91)
    with pytest.raises(Unauthenticated, match="this access token's key expired at"):
        await house.authenticate(token["access_token"])


async def test_a_token_is_kept_as_a_digest_alone(house: IdentityHouse) -> None:
    token = (await grant(house, await a_key(house)))["access_token"]
    assert token.startswith("dlo_")
    async with house.backbone.reading() as connection:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'backbone')"
        )
        for (table,) in tables:
            if await connection.fetchval("SELECT has_table_privilege($1, 'SELECT')", table):
                rows = await connection.fetch(f"SELECT t::text FROM {table} AS t")
                assert not any(token in row[0] or token[4:] in row[0] for row in rows)


async def test_a_token_gets_no_token_and_neither_do_people_and_operators(house: IdentityHouse) -> None:
    key = await a_key(house)
    token = (await grant(house, key))["access_token"]
    session = (await house.signed_in(await house.person())).secret
    for client_id, secret in [(key["id"], token), ("admin", ADMIN_SECRET), (key["id"], session)]:
        reply = await ask(house, GRANT, **basic(client_id, secret))
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


async def test_a_token_shown_by_basic_needs_the_id_of_its_key(house: IdentityHouse) -> None:
    key, other = await a_key(house), await a_key(house)
    token = (await grant(house, key))["access_token"]
    assert (await house.authenticate(token, key["id"])).id == key["id"]
    with pytest.raises(Unauthenticated):
        await house.authenticate(token, other["id"])


async def test_a_client_that_nobody_knows_is_an_invalid_client_with_a_challenge(house: IdentityHouse) -> None:
    key, other = await a_key(house), await a_key(house)
    wrong: list[dict[str, str]] = [
        {},
        basic(key["id"], other["secret"]),
        basic(key["id"], "dlk_" + "A" * 43),
        basic("key_x", key["secret"]),
        basic(key["id"], "s" * 3_000),
        {"authorization": f"Bearer {key['secret']}"},
        {"authorization": "Basic !"},
        {"authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
        {"authorization": "Basic " + base64.b64encode(key["secret"].encode()).decode()},
    ]
    for headers in wrong:
        reply = await ask(house, GRANT, **headers)
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client"), headers
        assert reply.headers["www-authenticate"].startswith("Basic realm=")
        assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "Client_Credentials"}, "unsupported_grant_type"),
        (GRANT | {"client_secret": "dlk_x"}, "invalid_request"),
        (GRANT | {"client_id": "key_other"}, "invalid_request"),
    ],
)
async def test_a_wrong_form_is_told_in_the_words_of_the_standard(
    house: IdentityHouse, form: dict[str, str], error: str
) -> None:
    key = await a_key(house)
    body = urlencode(form or {"x": "y"})
    headers = basic(key["id"], key["secret"]) | {"content-type": "application/x-www-form-urlencoded"}
    reply = await house.http.post("/oauth/token", content=body, headers=headers)
    assert (reply.status_code, reply.json()["error"]) == (400, error)
    described = reply.json()["error_description"]
    assert described.isascii()
    assert not set(described) & {'"', "\\"}


@pytest.mark.parametrize(
    ("body", "media_type", "query"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json", ""),
        (b"grant_type=client_credentials", "", ""),
        (b"grant_type=client_credentials&grant_type=client_credentials", "application/x-www-form-urlencoded", ""),
        (b"grant_type=client_credentials&scope=%ff", "application/x-www-form-urlencoded", ""),
        (b"grant_type=client_credentials&\xff=1", "application/x-www-form-urlencoded", ""),
        (b"&".join(b"f%d=1" % number for number in range(40)), "application/x-www-form-urlencoded", ""),
        (b"grant_type=client_credentials", "application/x-www-form-urlencoded", "?client_secret=dlk_x"),
    ],
    ids=["json", "untyped", "twice", "not-utf-8", "raw-bytes", "many-fields", "in-the-address"],
)
async def test_what_is_no_form_is_an_invalid_request(
    house: IdentityHouse, body: bytes, media_type: str, query: str
) -> None:
    key = await a_key(house)
    headers = basic(key["id"], key["secret"]) | ({"content-type": media_type} if media_type else {})
    reply = await house.http.post(f"/oauth/token{query}", content=body, headers=headers)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")


async def test_a_form_over_its_bound_is_not_read(house: IdentityHouse) -> None:
    reply = await ask(house, GRANT | {"scope": "x" * 9_000})
    assert reply.status_code == 413


async def test_the_token_endpoint_answers_post_alone(house: IdentityHouse) -> None:
    assert (await house.http.get("/oauth/token")).status_code == 405


async def test_a_key_gets_so_many_tokens_a_minute_also_when_it_asks_for_them_at_once(house: IdentityHouse) -> None:
    key, other = await a_key(house), await a_key(house)
    shown = basic(key["id"], key["secret"])
    replies = await asyncio.gather(*(ask(house, GRANT, **shown) for _ in range(ISSUED_A_MINUTE_MAX + 5)))
    assert sorted(reply.status_code for reply in replies) == [200] * ISSUED_A_MINUTE_MAX + [429] * 5
    refused = next(reply for reply in replies if reply.status_code == 429)
    assert refused.json()["error"] == "temporarily_unavailable"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    await grant(house, other)
    house.clock.advance(61)
    await grant(house, key)


async def test_a_key_holds_so_many_live_tokens_and_hears_when_there_is_room(house: IdentityHouse) -> None:
    key = await a_key(house)
    async with house.backbone.door(key["organisation"]) as tx:
        await tx.connection.execute(
            "INSERT INTO access_tokens SELECT sha256(($1 || n)::bytea), $2, $1, '{read}', $3, $4"
            " FROM generate_series(1, $5::int) AS n",
            key["id"], key["organisation"], house.clock.now() - timedelta(minutes=30),
            house.clock.now() + timedelta(minutes=30), LIVE_MAX,
        )  # fmt: skip
    reply = await ask(house, GRANT, **basic(key["id"], key["secret"]))
    assert reply.status_code == 429
    assert 1_700 < int(reply.headers["retry-after"]) <= 1_800
    house.clock.advance(1_801)
    await grant(house, key)


async def test_an_expired_token_is_named_for_a_day_and_then_gone(house: IdentityHouse) -> None:
    token = (await grant(house, await a_key(house)))["access_token"]
    store = PostgresAccessTokens(house.backbone, house.clock)
    house.clock.advance(24 * 3600)
    await store.purge()
    with pytest.raises(Unauthenticated, match="this access token expired at"):
        await house.authenticate(token)
    house.clock.advance(3600)
    assert await store.purge() > 0
    with pytest.raises(Unauthenticated, match="nobody issued this credential"):
        await house.authenticate(token)


async def test_a_token_that_opens_nothing_any_more_names_its_key(house: IdentityHouse) -> None:
    key = await a_key(house)
    token = (await grant(house, key))["access_token"]
    await house.admin.delete(f"/v1/api-keys/{key['id']}")
    house.clock.advance(3_601)
    for key_id in ("", key["id"]):
        found = await house.rpc.NameKey(identity_pb2.NameKeyRequest(secret=token, key_id=key_id))
        assert (found.key, found.organisation, found.is_secret_right) == (key["id"], key["organisation"], True)
    wrong = await house.rpc.NameKey(identity_pb2.NameKeyRequest(secret="dlo_" + "A" * 43, key_id=key["id"]))
    assert (wrong.key, wrong.is_secret_right) == (key["id"], False)


async def test_the_door_sees_the_tokens_of_its_own_organisation_only(house: IdentityHouse) -> None:
    mine, theirs = await a_key(house), await a_key(house)
    await grant(house, mine)
    await grant(house, theirs)
    async with house.backbone.door(mine["organisation"]) as tx:
        owners = await tx.connection.fetch("SELECT DISTINCT organisation FROM access_tokens")
    assert [row[0] for row in owners] == [mine["organisation"]]


async def test_a_token_opens_what_its_key_opens_over_http(house: IdentityHouse) -> None:
    key = await a_key(house, "write")
    client = Client(house.http, (await grant(house, key))["access_token"])
    refused = await client.post("/v1/account-links/lnk_00000000000000000000000000:attest", {}, 400)
    assert refused["code"] == "invalid"
    await client.get("/v1/organisations", 403)


async def test_clients_learn_where_tokens_are_to_be_had(house: IdentityHouse) -> None:
    reply = await house.http.get("/.well-known/oauth-authorization-server")
    told = reply.json()
    assert (reply.status_code, told["issuer"]) == (200, "http://127.0.0.1:8080")
    assert told["token_endpoint"] == "http://127.0.0.1:8080/oauth/token"
    assert told["grant_types_supported"] == ["client_credentials"]
    assert {"read/mine", "write", "all"} <= set(told["scopes_supported"])

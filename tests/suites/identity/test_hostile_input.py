"""What nobody sends in good faith is the sender's fault, never ours: a refusal, and nothing stored."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from deedlog.identity.v1 import identity_pb2
from shared.kernel.errors import Rejected
from shared.runtime.grpc import kernel_errors
from shared.runtime.pages import encode_cursor
from tests.suites.identity.house import Client, IdentityHouse

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUL = "a\x00b"
LONG = "x" * 100_000


@pytest.mark.parametrize("text", [NUL, LONG, "'; DROP TABLE people; --", "\U0001f600", ""])
async def test_any_text_in_any_field_is_answered_below_500(house: IdentityHouse, text: str) -> None:
    organisation = await house.organisation()
    session = await house.signed_in(await house.person())
    platform = await house.platform(organisation)
    declarer = Client(house.http, (await house.key(organisation, ("admin",)))["secret"])
    consent = {"organisation": text, "purpose": "p", "scopes": ["profile"], "expires_at": "2027-01-01T00:00:00Z"}
    wanted: list[tuple[Client, str, dict[str, Any]]] = [
        (house.admin, "/v1/organisations", {"name": text}),
        (house.admin, "/v1/api-keys", {"organisation": text, "scopes": ["write"]}),
        (house.admin, "/v1/people", {"name": text}),
        (house.admin, "/v1/sessions", {"person": text}),
        (house.admin, "/v1/erasures", {"person": text}),
        (session, "/v1/consents", consent),
        (session, "/v1/account-links/lnk_x:confirm", {"code": text}),
        (platform, "/v1/account-links/lnk_x:attest", {"code": text, "identifier": text}),
        (declarer, "/v1/personas", {"identifiers": [text, f"mbox:{text}", "mbox:a@x.example"]}),
    ]
    for client, path, body in wanted:
        reply = await client.send("POST", path, body)
        assert reply.status_code < 500, (path, reply.text)


@pytest.mark.parametrize("text", [NUL, LONG, "'; DROP TABLE people; --", "\U0001f600", "\u00ff:", "%00%ff", "a b"])
@pytest.mark.parametrize("field", ["client_id", "client_secret", "grant_type", "scope", "", "header"])
async def test_any_text_in_the_form_for_a_token_is_refused(house: IdentityHouse, field: str, text: str) -> None:
    key = await house.key(await house.organisation())
    form = {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": key["secret"]}
    headers = {}
    if field == "header":
        form = {"grant_type": "client_credentials"}
        headers["authorization"] = "Basic " + base64.b64encode(f"{text}:{text}"[:6_000].encode()).decode()
    else:
        form[field] = text
    reply = await house.http.post("/oauth/token", data=form, headers=headers)
    if field == "" and text != LONG:
        assert reply.status_code == 200, "a parameter that nobody knows is passed over"
    else:
        assert reply.status_code in {400, 401, 413}, reply.text
        assert reply.json().keys() & {"error", "code"}
        assert text not in reply.text


@pytest.mark.parametrize("segment", ["%00", "%ff", "..%2f", "x" * 5_000])
async def test_any_segment_of_a_path_is_answered_below_500(house: IdentityHouse, segment: str) -> None:
    session = await house.signed_in(await house.person())
    declarer = Client(house.http, (await house.key(await house.organisation(), ("admin",)))["secret"])
    for client, method, path in [
        (house.admin, "GET", f"/v1/people/{segment}"),
        (house.admin, "GET", f"/v1/people?name={segment}"),
        (house.admin, "GET", f"/v1/people?cursor={segment}"),
        (house.admin, "GET", f"/v1/api-keys?organisation={segment}"),
        (house.admin, "DELETE", f"/v1/api-keys/{segment}"),
        (session, "GET", f"/v1/people/{segment}/accounts"),
        (session, "DELETE", f"/v1/consents/{segment}"),
        (session, "DELETE", f"/v1/account-links/{segment}"),
        (session, "POST", f"/v1/people/me/accounts/{segment}:unlink"),
        (declarer, "DELETE", f"/v1/personas/{segment}"),
    ]:
        reply = await client.send(method, path)
        assert reply.status_code < 500, (path, reply.text)


@pytest.mark.parametrize("position", [NUL, "\U0001f600", ""])
async def test_a_made_up_cursor_is_answered_below_500(house: IdentityHouse, position: str) -> None:
    declarer = Client(house.http, (await house.key(await house.organisation(), ("admin",)))["secret"])
    session = await house.signed_in(await house.person())
    for client, name, path in [
        (house.admin, "people", "/v1/people"),
        (house.admin, "organisations", "/v1/organisations"),
        (house.admin, "api-keys", "/v1/api-keys"),
        (declarer, "personas", "/v1/personas"),
        (session, "consents", "/v1/consents"),
    ]:
        reply = await client.send("GET", f"{path}?cursor={encode_cursor(name, [position])}")
        assert reply.status_code < 500, (path, reply.text)
        strangers = await client.send("GET", f"{path}?cursor={encode_cursor('things', [position])}")
        assert strangers.status_code == 400, (path, strangers.text)


async def test_any_text_over_grpc_is_refused_or_found_nowhere(house: IdentityHouse) -> None:
    with pytest.raises(Rejected), kernel_errors("identity"):
        await house.rpc.LookUpPeople(identity_pb2.LookUpPeopleRequest(people=[NUL]))
    with pytest.raises(Rejected), kernel_errors("identity"):
        await house.rpc.CheckConsent(identity_pb2.CheckConsentRequest(person=NUL, organisation=NUL, scope=NUL))
    with pytest.raises(Rejected), kernel_errors("identity"):
        await house.rpc.ListConsents(identity_pb2.ListConsentsRequest(person=NUL))
    with pytest.raises(Rejected):
        await house.resolve(NUL, "a:b")
    with pytest.raises(Rejected):
        await house.authenticate(NUL, NUL)

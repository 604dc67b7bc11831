"""Attachments that come along: multipart/mixed requests and replies, and signatures (part 2, 2.6; part 3, 1.5)."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, Final

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from shared.kernel.ids import system_uuid7
from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import ATTACHMENT, stating, without

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIGNATURE: Final = "http://adlnet.gov/expapi/attachments/signature"
HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "RS256": hashes.SHA256(),
    "RS384": hashes.SHA384(),
    "RS512": hashes.SHA512(),
}
DATA: Final = b"here is a certificate"
BOUNDARY: Final = "a-line-between"
KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)

Part = tuple[dict[str, str], bytes]


def described(data: bytes, **changes: Any) -> dict[str, Any]:
    """Return the header of an attachment whose data comes along."""
    told = {"length": len(data), "sha2": hashlib.sha256(data).hexdigest()}
    return {**without(ATTACHMENT, "fileUrl"), **told, **changes}


def json_part(body: Any, content_type: str = "application/json") -> Part:
    return {"Content-Type": content_type}, json.dumps(body).encode()


def data_part(data: bytes, content_type: str = "text/plain", **changes: str | None) -> Part:
    """Return a part with data; a header that is None is left out."""
    headers = {
        "Content-Type": content_type,
        "Content-Transfer-Encoding": "binary",
        "X-Experience-API-Hash": hashlib.sha256(data).hexdigest(),
    }
    told = {**headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return {name: value for name, value in told.items() if value is not None}, data


def joined(*parts: Part, boundary: str = BOUNDARY) -> bytes:
    lines = b""
    for headers, body in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        lines += f"--{boundary}\r\n{head}\r\n".encode() + body + b"\r\n"
    return lines + f"--{boundary}--\r\n".encode()


async def send(lrs: Lrs, body: bytes, content_type: str = f"multipart/mixed; boundary={BOUNDARY}") -> httpx.Response:
    return await lrs.post(body, content_type=content_type)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(statement: Any, algorithm: str = "RS256", payload: bytes | None = None) -> bytes:
    """Return a JWS over the statement; an algorithm that is no RS… is named, and signed as RS256."""
    header = encoded(json.dumps({"alg": algorithm}).encode())
    told = f"{header}.{encoded(payload if payload is not None else json.dumps(statement).encode())}"
    signature = KEY.sign(told.encode(), padding.PKCS1v15(), HASHES.get(algorithm, hashes.SHA256()))
    return f"{told}.{encoded(signature)}".encode()


def carrying(statement: Any, jws: bytes, content_type: str = "application/octet-stream") -> bytes:
    header = described(jws, usageType=SIGNATURE, contentType=content_type)
    return joined(json_part({**statement, "attachments": [header]}), data_part(jws, content_type))


async def test_a_statement_comes_with_its_attachment_and_both_are_given_back(lrs: Lrs) -> None:
    """XAPI-00127, XAPI-00130, XAPI-00167."""
    response = await send(lrs, joined(json_part(stating(attachments=[described(DATA)])), data_part(DATA)))
    assert response.status_code == 200, response.text
    (statement_id,) = response.json()
    found = await lrs.get(statementId=statement_id, attachments="true")
    assert found.headers["content-type"].startswith("multipart/mixed")
    assert DATA in found.content
    assert f"X-Experience-API-Hash: {hashlib.sha256(DATA).hexdigest()}".lower().encode() in found.content.lower()


async def test_without_being_asked_for_attachments_stay_away(lrs: Lrs) -> None:
    """XAPI-00161."""
    response = await send(lrs, joined(json_part(stating(attachments=[described(DATA)])), data_part(DATA)))
    for query in ({}, {"attachments": "false"}):
        found = await lrs.get(statementId=response.json()[0], **query)
        assert found.headers["content-type"].startswith("application/json")
        assert DATA not in found.content


@pytest.mark.parametrize(
    "parts",
    [
        case("XAPI-00127", "no attachment", [json_part(stating())]),
        case("XAPI-00127", "one that lies elsewhere", [json_part(stating(attachments=[ATTACHMENT]))]),
        case(
            "XAPI-00127",
            "two statements share one",
            [
                json_part([stating(attachments=[described(DATA)]), stating(attachments=[described(DATA)])]),
                data_part(DATA),
            ],
        ),
        case(
            "XAPI-00127",
            "octets that are no text",
            [json_part(stating(attachments=[described(b"\r\n\x00--\xff")])), data_part(b"\r\n\x00--\xff")],
        ),
    ],
)
async def test_a_well_formed_multipart_is_taken(lrs: Lrs, parts: list[Part]) -> None:
    response = await send(lrs, joined(*parts))
    assert response.status_code == 200, response.text


WITH: Final = json_part(stating(attachments=[described(DATA)]))


@pytest.mark.parametrize(
    "body",
    [
        case("XAPI-00128", "a part too many", joined(WITH, data_part(DATA), data_part(b"another"))),
        case("XAPI-00129", "a part too few", joined(WITH)),
        case("XAPI-00131", "no first part", joined()),
        case(
            "XAPI-00132",
            "first part is text",
            joined((WITH[0] | {"Content-Type": "text/plain"}, WITH[1]), data_part(DATA)),
        ),
        case("XAPI-00133", "two parts of statements", joined(WITH, json_part(stating()), data_part(DATA))),
        case("XAPI-00134", "no hash", joined(WITH, data_part(DATA, X_Experience_API_Hash=None))),
        case("XAPI-00135", "another hash", joined(WITH, data_part(DATA, X_Experience_API_Hash="0" * 64))),
        case("XAPI-00135", "data of another hash", joined(WITH, ({**data_part(DATA)[0]}, b"another"))),
        case("XAPI-00134", "no binary encoding", joined(WITH, data_part(DATA, Content_Transfer_Encoding="base64"))),
        case("XAPI-00131", "no closing line", joined(WITH, data_part(DATA))[: -len(BOUNDARY) - 6]),
        case("XAPI-00131", "another boundary", joined(WITH, data_part(DATA), boundary="another")),
    ],
)
async def test_a_malformed_multipart_is_refused(lrs: Lrs, body: bytes) -> None:
    assert (await send(lrs, body)).status_code == 400


@pytest.mark.parametrize(
    "content_type",
    [
        case("XAPI-00131", "no boundary", "multipart/mixed"),
        case("XAPI-00130", "a form", f"multipart/form-data; boundary={BOUNDARY}"),
        case("XAPI-00127", "JSON by name", "application/json"),
    ],
)
async def test_a_multipart_that_says_to_be_something_else_is_refused(lrs: Lrs, content_type: str) -> None:
    response = await send(lrs, joined(WITH, data_part(DATA)), content_type)
    assert response.status_code == 400


async def test_statements_in_a_form_are_refused_even_without_data(lrs: Lrs) -> None:
    """XAPI-00130."""
    body = joined(json_part(stating(attachments=[ATTACHMENT])))
    assert (await send(lrs, body, f"multipart/form-data; boundary={BOUNDARY}")).status_code == 400


@pytest.mark.parametrize("algorithm", HASHES)
async def test_a_signed_statement_is_taken(lrs: Lrs, algorithm: str) -> None:
    """XAPI-00115, XAPI-00117."""
    statement = stating(id=str(system_uuid7()))
    response = await send(lrs, carrying(statement, signed(statement, algorithm)))
    assert (response.status_code, response.json()) == (200, [statement["id"]])


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", "rs256"])
async def test_another_algorithm_is_refused(lrs: Lrs, algorithm: str) -> None:
    """XAPI-00117."""
    statement = stating(id=str(system_uuid7()))
    assert (await send(lrs, carrying(statement, signed(statement, algorithm)))).status_code == 400


@pytest.mark.parametrize("jws", [b"", b"a.b", b"not a signature", b"e30.e30.e30"], ids=repr)
async def test_what_is_no_signature_is_refused(lrs: Lrs, jws: bytes) -> None:
    """XAPI-00115."""
    assert (await send(lrs, carrying(stating(), jws))).status_code == 400


async def test_a_signature_is_octets(lrs: Lrs) -> None:
    """XAPI-00115."""
    statement = stating(id=str(system_uuid7()))
    assert (await send(lrs, carrying(statement, signed(statement), "application/json"))).status_code == 400


@pytest.mark.parametrize("payload", [b"{", b"[]", b"text"], ids=repr)
async def test_what_is_signed_is_a_statement_in_json(lrs: Lrs, payload: bytes) -> None:
    """XAPI-00116."""
    assert (await send(lrs, carrying(stating(), signed(None, payload=payload)))).status_code == 400


async def test_what_is_signed_is_the_statement_itself(lrs: Lrs) -> None:
    """XAPI-00116."""
    statement = stating(id=str(system_uuid7()))
    other = {**statement, "result": {"success": True}}
    assert (await send(lrs, carrying(other, signed(statement)))).status_code == 400


async def test_a_signature_is_compared_to_the_hundredth_of_a_second(lrs_2: Lrs) -> None:
    """2.0, 4.2.7."""
    statement = stating(id=str(system_uuid7()), result={"duration": "PT1.23S"})
    finer = {**statement, "result": {"duration": "PT1.2345S"}}
    assert (await send(lrs_2, carrying(finer, signed(statement)))).status_code == 200

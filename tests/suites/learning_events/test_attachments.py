"""Attachments come with their statements in one body of several parts, and go back that way."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from services.learning_events.domain.multipart import PARTS_MAX, Part, read_parts, write_parts
from services.learning_events.http.statement_bodies import MULTIPART_BYTES_MAX
from services.learning_events.store.statements import PostgresStatements
from tests.suites.learning_events.house import House, Platform, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")
BOUNDARY = "-------314159265358979323846"
MULTIPART = f"multipart/mixed; boundary={BOUNDARY}"
SIGNATURE = "http://adlnet.gov/expapi/attachments/signature"
KEY = rsa.generate_private_key(65_537, 2_048)
HASHES = {"RS256": SHA256(), "RS384": SHA384(), "RS512": SHA512()}


def header(data: bytes, **changes: Any) -> dict[str, Any]:
    """Return the header of an attachment with this data."""
    made = {
        "usageType": "https://x.example/certificate",
        "display": {"en": "Certificate"},
        "contentType": "text/plain; charset=utf-8",
        "length": len(data),
        "sha2": hashlib.sha256(data).hexdigest(),
    }
    return {**made, **changes}


def attachment(data: bytes, **changes: str) -> Part:
    """Return the part that brings this data."""
    named = {"content-transfer-encoding": "binary", "x-experience-api-hash": hashlib.sha256(data).hexdigest()}
    return Part({"content-type": "text/plain", **named, **changes}, data)


def body(statements: Any, *parts: Part, content_type: str = "application/json") -> bytes:
    return write_parts([Part({"Content-Type": content_type}, json.dumps(statements).encode()), *parts], BOUNDARY)


async def read(platform: Platform, query: str) -> tuple[dict[str, Any], Sequence[Part]]:
    """Return what a GET with attachments answers: its JSON and the other parts."""
    response = await platform.get(f"/xapi/statements?attachments=true&{query}")
    assert response.status_code == 200, response.text
    essence, _, boundary = response.headers["content-type"].partition("; boundary=")
    assert essence == "multipart/mixed"
    first, *others = read_parts(response.content, boundary)
    assert first.headers["content-type"] == "application/json"
    return json.loads(first.content), others


async def test_what_came_along_goes_back_as_it_came(platform: Platform) -> None:
    texts = [b"one", b"two\r\n--" + BOUNDARY[:-1].encode() + b"\r\n\x00\xff", b""]
    sent = statement(attachments=[header(text) for text in texts])
    response = await platform.send(body(sent, *(attachment(text) for text in texts)), content_type=MULTIPART)
    assert (response.status_code, response.json()) == (200, [sent["id"]])
    found, parts = await read(platform, f"statementId={sent['id']}")
    assert found["attachments"] == sent["attachments"]
    assert [part.content for part in parts] == texts
    assert [part.headers for part in parts] == [
        {
            "content-type": "text/plain; charset=utf-8",
            "content-transfer-encoding": "binary",
            "x-experience-api-hash": one["sha2"],
        }
        for one in sent["attachments"]
    ]
    page, parts = await read(platform, "limit=1")
    assert [one["id"] for one in page["statements"]] == [sent["id"]]
    assert [part.content for part in parts] == texts


async def test_without_being_asked_for_no_data_goes_back(platform: Platform) -> None:
    sent = statement(attachments=[header(b"data")])
    await platform.send(body(sent, attachment(b"data")), content_type=MULTIPART)
    for query in (f"statementId={sent['id']}", f"statementId={sent['id']}&attachments=false", "attachments=false"):
        response = await platform.get(f"/xapi/statements?{query}")
        assert response.headers["content-type"] == "application/json"


async def test_asked_for_with_attachments_the_answer_has_parts_though_there_is_no_data(platform: Platform) -> None:
    (kept,) = await platform.post(statement())
    found, parts = await read(platform, f"statementId={kept}")
    assert (found["id"], parts) == (kept, [])


async def test_data_is_stored_once_an_organisation(house: House, platform: Platform) -> None:
    sent = [statement(attachments=[header(b"same")]) for _ in range(3)]
    for one in (sent[:2], sent[2]):
        response = await platform.send(body(one, attachment(b"same")), content_type=MULTIPART)
        assert response.status_code == 200, response.text
    page, parts = await read(platform, "")
    assert (len(page["statements"]), [part.content for part in parts]) == (3, [b"same"])
    async with house.backbone.reading() as connection:
        counts = [
            await connection.fetchval(f"SELECT count(*) FROM {table} WHERE organisation = $1", platform.organisation)
            for table in ("attachments", "attached")
        ]
    assert counts == [1, 3]


async def test_put_and_a_substatement_bring_attachments_too(platform: Platform) -> None:
    inner = {**statement(), "objectType": "SubStatement", "attachments": [header(b"inner")]}
    del inner["id"]
    sent = statement(object=inner)
    path = f"/xapi/statements?statementId={sent['id']}"
    response = await platform.send(body(sent, attachment(b"inner")), path, "PUT", content_type=MULTIPART)
    assert response.status_code == 204, response.text
    _, parts = await read(platform, f"statementId={sent['id']}")
    assert [part.content for part in parts] == [b"inner"]


async def test_a_page_ends_before_the_attachments_that_are_too_much(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.learning_events.handlers.searching.ATTACHMENT_BYTES_MAX", 10)
    texts = [b"seven-1", b"seven-2", b"seven-3 and more than ten"]
    for text in texts:
        sent = statement(attachments=[header(text)])
        await platform.send(body(sent, attachment(text)), content_type=MULTIPART)
    more, seen = "/xapi/statements?attachments=true&ascending=true", []
    while more:
        response = await platform.get(more)
        first, *others = read_parts(response.content, response.headers["content-type"].partition("boundary=")[2])
        seen.append([part.content for part in others])
        more = json.loads(first.content)["more"]
    assert seen == [[text] for text in texts]


FIRST = statement(attachments=[header(b"data")])


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (body(FIRST), "/attachments/0/fileUrl"),
        (body(FIRST, attachment(b"data"), attachment(b"other")), ""),
        (body(FIRST, attachment(b"data", **{"x-experience-api-hash": "0" * 64})), "part 1"),
        (body(FIRST, Part({"content-transfer-encoding": "binary"}, b"data")), "part 1"),
        (body(FIRST, attachment(b"data", **{"content-transfer-encoding": "base64"})), "part 1"),
        (body(FIRST, attachment(b"data"), content_type="text/plain"), "part 0"),
        (body(FIRST, attachment(b"data"))[: -len(BOUNDARY) - 6], ""),
        (body(FIRST, attachment(b"data")).replace(b"--" + BOUNDARY.encode(), b"--other", 1), "part 0"),
        (b"--" + BOUNDARY.encode() + b"\r\nContent-Type: application/json\r\n--" + BOUNDARY.encode() + b"--", "part 0"),
        (b"--" + BOUNDARY.encode() + b"--\r\n", "part 0"),
        (json.dumps(FIRST).encode(), ""),
    ],
    ids=[
        "data-missing",
        "part-too-many",
        "other-hash",
        "no-hash",
        "coded",
        "no-json",
        "no-end",
        "no-begin",
        "no-blank",
        "no-part",
        "no-parts",
    ],
)
async def test_a_body_whose_parts_do_not_belong_together_is_refused_whole(
    house: House, platform: Platform, content: bytes, pointer: str
) -> None:
    response = await platform.send(content, content_type=MULTIPART)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, pointer)
    assert await house.counts(platform.organisation) == (0, 0)


async def test_a_body_in_parts_has_its_bounds(house: House, platform: Platform) -> None:
    many = [attachment(b"%d" % number) for number in range(PARTS_MAX)]
    assert (await platform.send(body(statement(), *many), content_type=MULTIPART)).status_code == 413
    large = body(FIRST, attachment(b"x" * MULTIPART_BYTES_MAX))
    assert (await platform.send(large, content_type=MULTIPART)).status_code == 413
    assert await house.counts(platform.organisation) == (0, 0)


def coded(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def signed(payload: Mapping[str, Any] | bytes, algorithm: str = "RS256", **header_fields: Any) -> bytes:
    """Return a compact JWS over the payload."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    protected = json.dumps({"alg": algorithm, **header_fields}).encode()
    text = coded(protected) + b"." + coded(raw)
    signature = KEY.sign(text, padding.PKCS1v15(), HASHES.get(algorithm, SHA256()))
    return text + b"." + coded(signature)


def certificate(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    now = datetime(2026, 1, 1, tzinfo=UTC)
    dated = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return base64.b64encode(dated.sign(key, SHA256()).public_bytes(Encoding.DER)).decode()


async def send_signed(platform: Platform, sent: dict[str, Any], jws: bytes, **changes: Any) -> int:
    named = {"usageType": SIGNATURE, "contentType": "application/octet-stream", **changes}
    whole = {**sent, "attachments": [header(jws, **named)]}
    return (await platform.send(body(whole, attachment(jws)), content_type=MULTIPART)).status_code


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
async def test_a_signed_statement_is_taken(platform: Platform, algorithm: str) -> None:
    sent = statement()
    assert await send_signed(platform, sent, signed(sent, algorithm)) == 200
    sent = statement()
    assert await send_signed(platform, sent, signed(sent, algorithm, x5c=[certificate(KEY)])) == 200


async def test_signed_durations_are_compared_to_the_hundredth_of_a_second(platform: Platform) -> None:
    sent = statement(result={"duration": "PT1.1237S"})
    assert await send_signed(platform, sent, signed({**sent, "result": {"duration": "PT1.12S"}})) == 200
    sent = statement(result={"duration": "PT1.1237S"})
    assert await send_signed(platform, sent, signed({**sent, "result": {"duration": "PT1.13S"}})) == 400


async def test_a_signature_that_is_none_of_the_statement_is_refused(house: House, platform: Platform) -> None:
    sent = statement()
    other_key = rsa.generate_private_key(65_537, 2_048)
    assert [
        await send_signed(platform, sent, signed(sent), contentType="text/plain"),
        await send_signed(platform, sent, signed(sent, "HS256")),
        await send_signed(platform, sent, signed(sent, "none")),
        await send_signed(platform, sent, signed({**sent, "verb": {"id": "https://x.example/other"}})),
        await send_signed(platform, sent, signed({**sent, "id": statement()["id"]})),
        await send_signed(platform, sent, signed(b"{'no': json}")),
        await send_signed(platform, sent, signed({"no": "statement"})),
        await send_signed(platform, sent, b"no.jws"),
        await send_signed(platform, sent, b"no.jws.!"),
        await send_signed(platform, sent, signed(sent, x5c=[certificate(other_key)])),
        await send_signed(platform, sent, signed(sent, x5c=["AAAA"])),
        await send_signed(platform, sent, signed(sent, x5c=[])),
    ] == [400] * 12
    assert await house.counts(platform.organisation) == (0, 0)


async def test_an_erasure_removes_the_data_that_only_the_erased_statement_names(
    house: House, platform: Platform
) -> None:
    shared, own = b"shared", b"own"
    erased = statement("erased", attachments=[header(shared), header(own)])
    stays = statement("stays", attachments=[header(shared)])
    content = body([erased, stays], attachment(shared), attachment(own))
    assert (await platform.send(content, content_type=MULTIPART)).status_code == 200
    await PostgresStatements(house.backbone).erase(platform.person("erased"))
    async with house.backbone.reading() as connection:
        left = await connection.fetch("SELECT content FROM attachments WHERE organisation = $1", platform.organisation)
    assert [row[0] for row in left] == [shared]
    _, parts = await read(platform, f"statementId={stays['id']}")
    assert [part.content for part in parts] == [shared]


async def test_attachments_of_another_organisation_are_not_seen(house: House, platform: Platform) -> None:
    sent = statement(attachments=[header(b"secret")])
    await platform.send(body(sent, attachment(b"secret")), content_type=MULTIPART)
    for stranger in (house.platform(), house.platform(organisation=platform.organisation, is_test=True)):
        response = await stranger.get(f"/xapi/statements?attachments=true&statementId={sent['id']}")
        assert response.status_code == 404
        page, parts = await read(stranger, "")
        assert (page["statements"], parts) == ([], [])

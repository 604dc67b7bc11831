"""Who may read what of credentials, and what the issuer shows of itself: every key for as long as it is needed."""

from __future__ import annotations

import shutil
import stat

import pytest

from shared.events.identity import PersonMerged
from shared.kernel import canonical_json
from shared.kernel.clock import SystemClock
from shared.verifier import verify
from tests.suites.credential_issuing.house import OTHER_SKILL, earn, estimate, issued_to, presented
from tests.suites.credential_issuing.test_presentation import DID, pins
from tests.suites.record_log.house import House, new, person

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_person_and_an_operator_read_a_credential(house: House) -> None:
    ada = person()
    told = await earn(house, ada)
    path = f"/v1/credentials/{told.credential}"
    own = await house.get("credential_issuing", path, ada)
    assert own == await house.get("credential_issuing", path, "admin")
    assert own["credential"]["id"] == f"http://127.0.0.1:8484{path}"
    assert (own["skill"], own["level"], own["is_revoked"]) == (told.skill, 2, False)


@pytest.mark.parametrize(
    ("word", "one", "listed"), [("", 401, 401), ("nobody", 401, 401), ("key", 403, 403), ("other", 404, 403)]
)
async def test_nobody_else_does(house: House, word: str, one: int, listed: int) -> None:
    ada = person()
    told = await earn(house, ada)
    caller = person() if word == "other" else word
    get = "credential_issuing", "GET"
    assert (await house.send(*get, f"/v1/credentials/{told.credential}", caller)).status_code == one
    assert (await house.send(*get, f"/v1/people/{ada}/credentials", caller)).status_code == listed


async def test_credentials_are_listed_by_pages_newest_first(house: House) -> None:
    ada = person()
    for level in (1, 2, 3):
        await house.tell("skill_inference", estimate(ada, level))
        await house.until_heard("credential_issuing")
    await house.tell("skill_inference", estimate(ada, 1, skill=OTHER_SKILL))
    assert len(await issued_to(house, ada)) == 4
    path = f"/v1/people/{ada}/credentials?limit=2"
    first = await house.get("credential_issuing", path, ada)
    second = await house.get("credential_issuing", f"{path}&cursor={first['next_cursor']}", ada)
    assert (first["has_more"], second["has_more"]) == (True, False)
    shown = [(each["skill"], each["level"]) for each in first["items"] + second["items"]]
    assert shown[0] == (OTHER_SKILL, 1)
    assert [level for _, level in shown[1:]] == [3, 2, 1]
    assert "credential" not in first["items"][0]
    refused = await house.send("credential_issuing", "GET", f"{path}&cursor=nonsense", ada)
    assert refused.status_code == 400


@pytest.mark.parametrize("doubtful", [0, 1], ids=["alias", "canonical"])
async def test_a_merge_opens_no_credential_to_the_other_while_an_identity_stream_is_parked(
    house: House, doubtful: int
) -> None:
    ada, bea = person(), person()
    told = await earn(house, bea)
    merged = PersonMerged(canonical=bea, alias=ada)
    await house.tell("identity", new(merged, ada), new(merged, bea))
    await house.until_heard("credential_issuing")
    get = "credential_issuing", "GET"
    one, listed = f"/v1/credentials/{told.credential}", f"/v1/people/{bea}/credentials"
    assert (await house.send(*get, one, ada)).status_code == 200
    async with house.parked("credential_issuing", "identity", (ada, bea)[doubtful]):
        assert (await house.send(*get, one, ada)).status_code == 404
        assert (await house.send(*get, listed, ada)).status_code == 403
        assert (await house.send(*get, one, bea)).status_code == 200
    assert (await house.send(*get, listed, ada)).status_code == 200


async def test_each_purpose_has_a_key_of_its_own_under_one_name(house: House) -> None:
    await earn(house, person())
    document = await house.get("credential_issuing", "/.well-known/did.json", "")
    assert document["id"] == DID
    assert len(document["verificationMethod"]) == 2
    assert document["assertionMethod"] == [method["id"] for method in document["verificationMethod"]]
    files = sorted(house.keys_folder("credential_issuing").iterdir())
    assert [file.name for file in files] == ["credentials.pem", "status-lists.pem"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_what_an_old_key_signed_stays_valid_after_it_was_replaced(house: House) -> None:
    told = await earn(house, person())
    trust = await pins(house)
    file = house.keys_folder("credential_issuing") / "credentials.pem"
    await house.stop_service("credential_issuing")
    shutil.move(file, file.with_suffix(".kept"))
    try:
        await house.restart_service("credential_issuing")
        later = await earn(house, person())
        old, new = await presented(house, told.credential), await presented(house, later.credential)
        now = SystemClock().now()
        assert len(old["did_document"]["verificationMethod"]) == 3
        assert verify(canonical_json.dumps(old), trust, now).is_valid
        assert verify(canonical_json.dumps(new), trust, now).code == "issuer-key-not-pinned"
        assert verify(canonical_json.dumps(new), await pins(house), now).is_valid
    finally:
        await house.stop_service("credential_issuing")
        shutil.move(file.with_suffix(".kept"), file)
        await house.restart_service("credential_issuing")


async def test_a_house_that_moved_issues_under_its_new_name_and_still_speaks_for_the_old(house: House) -> None:
    told = await earn(house, person())
    part = house.parts["credential_issuing"]
    await house.stop_service("credential_issuing")
    part.more["origin"] = "https://deedlog.example"
    try:
        await house.restart_service("credential_issuing")
        later = await earn(house, person())
        assert (later.issuer, told.issuer) == ("did:web:deedlog.example", DID)
        assert later.status_list.startswith("https://deedlog.example/v1/status-lists/")
        assert later.status_list.rpartition("/")[2] != told.status_list.rpartition("/")[2]
        now_document = await house.get("credential_issuing", "/.well-known/did.json", "")
        old_document = await house.get("credential_issuing", f"/.well-known/did.json?did={DID.replace('%', '%25')}", "")
        assert (now_document["id"], old_document["id"]) == ("did:web:deedlog.example", DID)
        old_list = await house.get("credential_issuing", told.status_list.partition("8484")[2], "")
        assert (old_list["issuer"], old_list["id"]) == (DID, told.status_list)
    finally:
        del part.more["origin"]
        await house.stop_service("credential_issuing")
        await house.restart_service("credential_issuing")


async def test_a_name_nobody_issued_under_has_no_document(house: House) -> None:
    response = await house.send("credential_issuing", "GET", "/.well-known/did.json?did=did:web:other.example", "")
    assert response.status_code == 404

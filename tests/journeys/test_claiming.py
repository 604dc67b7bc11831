"""Whoever a platform tells of is somebody: unknown at first, claimed later, one person in whatever order that comes.

A whole house, over its origin: three unknown actors of three formats are claimed with proof from both sides, a wrong
claim is undone by its person, and statements that arrive while accounts are linked and unlinked keep their order.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.journeys.house import JourneyHouse, running_house, until

HEARD_SECONDS_MAX = 60.0
BATCHES, SIZE = 60, 5

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def house() -> Iterator[JourneyHouse]:
    """A running house."""
    with running_house() as running:
        yield running


@pytest.fixture
def key(house: JourneyHouse) -> str:
    """The secret of a new platform's key that may write, read and declare."""
    organisation = house.answer("organisations", "create", "An academy")["id"]
    made = house.answer("keys", "create", "--organisation", organisation, "--scopes", "write,read,admin")
    return str(made["secret"])


def send(house: JourneyHouse, key: str, path: str, body: Any, media_type: str = "application/json") -> httpx.Response:
    headers = {"authorization": f"Bearer {key}", "content-type": media_type, "x-experience-api-version": "2.0.0"}
    response = httpx.post(house.origin + path, json=body, headers=headers, timeout=30, trust_env=False)
    assert response.status_code == 200, response.text
    return response


def read(house: JourneyHouse, key: str, path: str) -> Any:
    headers = {"authorization": f"Bearer {key}", "x-experience-api-version": "2.0.0"}
    response = httpx.get(house.origin + path, headers=headers, timeout=30, trust_env=False)
    assert response.status_code == 200, response.text
    return response.json()


def statement(actor: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "actor": actor,
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
        "object": {"id": f"https://lms.example/questions/{number}"},
    }


def told_by(house: JourneyHouse, person: str) -> int:
    """Return how many statements a person's own profile counts."""
    with house.api() as api:
        found = api.as_person(person).get(f"/v1/people/{person}/profile")
    return int(found["learning"]["statements"])


async def tells(house: JourneyHouse, person: str, wanted: int) -> bool:
    return told_by(house, person) == wanted


async def test_three_unknown_actors_are_claimed_and_a_wrong_claim_is_undone(house: JourneyHouse, key: str) -> None:
    mark = uuid.uuid4().hex
    iri = f"https://lms.example/users/{mark}"
    account = {"account": {"homePage": "https://lms.example", "name": mark}}

    # Nobody knows them: a statement, a Caliper event, and a CloudEvent with an event of our own.
    send(house, key, "/xapi/statements", statement({"mbox": f"mailto:{mark}@example.org"}))
    caliper = {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "id": f"urn:uuid:{uuid.uuid4()}",
        "type": "AssessmentEvent",
        "profile": "AssessmentProfile",
        "actor": {"id": iri, "type": "Person"},
        "action": "Submitted",
        "object": {"id": "https://lms.example/quizzes/7", "type": "Assessment"},
        "eventTime": "2026-03-01T09:30:00.000Z",
    }
    envelope = {"sensor": "https://lms.example/sensors/1", "sendTime": "2026-03-01T09:31:00.000Z", "data": [caliper]}
    send(house, key, "/caliper", {**envelope, "dataVersion": caliper["@context"]})
    event = {
        "specversion": "1.0",
        "id": mark,
        "source": "https://lms.example",
        "type": "deedlog.learning-event.v1",
        "data": {"actor": account, "verb": "https://x.example/did", "object": "https://lms.example/courses/1"},
    }
    send(house, key, "/v1/events", event, "application/cloudevents+json")
    unknown = [one["person"] for one in read(house, key, "/v1/events")["items"]]
    assert len(set(unknown)) == 3

    # Each is somebody already, whose profile has what was told of them.
    for person in unknown:
        await until("a profile of somebody unknown", partial(tells, house, person, 1), HEARD_SECONDS_MAX)

    # Claimed: two are attested by their platform, one confirms as themselves.
    owner = house.answer("people", "create", "Ada")["id"]
    house.answer("people", "link", owner, "--account", f"mbox:{mark}@example.org", "--key", key)
    house.answer("people", "link", owner, "--account", f"openid:{iri}", "--key", key)
    with_account = next(
        one["person"] for one in read(house, key, "/v1/events")["items"] if one["verb"] == "https://x.example/did"
    )
    house.answer("people", "link", owner, with_account)
    shown = house.answer("people", "accounts", owner)["accounts"]
    assert [one["identifier"] for one in shown] == [
        f"mbox:{mark}@example.org",
        f"openid:{iri}",
        f"account:https://lms.example|{mark}",
    ]
    assert [one["proof"] for one in shown] == ["first-seen", "attestation", "session"]
    canonical = house.answer("people", "show", owner)["canonical"]
    await until("one profile of all three", partial(tells, house, canonical, 3), HEARD_SECONDS_MAX)
    known = read(house, key, f"/xapi/agents?agent={quote(json.dumps(account))}")
    assert known["mbox"] == [f"mailto:{mark}@example.org"]
    assert known["openid"] == [iri]
    assert known["account"] == [account["account"]]

    # One of them was not theirs.
    wrong = shown[1]
    house.answer("people", "unlink", wrong["id"], "--as", owner)
    await until("two of three", partial(tells, house, house.answer("people", "show", owner)["canonical"], 2), 60)
    await until("a profile of their own", partial(tells, house, wrong["person"], 1), HEARD_SECONDS_MAX)


async def test_statements_that_arrive_while_accounts_are_linked_and_unlinked_keep_their_order(
    house: JourneyHouse, key: str
) -> None:
    """Interleaving: one sender, batch after batch of one account; meanwhile its person is merged and split, again and
    again, so that batches fall before, into and behind each change, and are told in either stream.
    """
    mark = uuid.uuid4().hex
    actor = {"mbox": f"mailto:{mark}@example.org"}
    identifier = f"mbox:{mark}@example.org"
    owner = house.answer("people", "create", "Ben")["id"]
    send(house, key, "/xapi/statements", statement(actor, 0))
    (minted,) = [one["person"] for one in read(house, key, "/v1/events")["items"]]
    failures: list[BaseException] = []

    def sending() -> None:
        try:
            for batch in range(BATCHES):
                numbers = range(1 + batch * SIZE, 1 + (batch + 1) * SIZE)
                send(house, key, "/xapi/statements", [statement(actor, number) for number in numbers])
        except BaseException as error:  # noqa: BLE001 - told where the test waits
            failures.append(error)

    sender = threading.Thread(target=sending)
    changes = 0
    with house.api() as api:
        mine, theirs = api.as_person(owner), api.as_person(minted)
        platform = api.as_caller(key)
        sender.start()
        while sender.is_alive() or changes < 2:
            opened = mine.post("/v1/account-links", {})
            path = f"/v1/account-links/{opened['id']}"
            if changes % 2:
                theirs.post(f"{path}:confirm", {"code": opened["code"]})
            else:
                platform.post(f"{path}:attest", {"code": opened["code"], "identifier": identifier})
            mine.delete(path)
            changes += 1
        sender.join(60)
        assert not failures
        total = BATCHES * SIZE + 1
        house.answer("people", "link", owner, "--account", identifier, "--key", key)
    canonical = house.answer("people", "show", owner)["canonical"]
    await until("all statements in one profile", partial(tells, house, canonical, total), HEARD_SECONDS_MAX)
    in_order, streams = await told_in_order(house, [owner, minted])
    print(f"{changes} merges and splits; facts in either stream: {[len(one) for one in streams]}")
    assert in_order == list(range(total)), "in the order in which they were sent, each once"
    assert [numbers == list(range(1, len(numbers) + 1)) for numbers in streams] == [True, True], "without a gap"
    (link,) = [one for one in house.answer("people", "accounts", owner)["links"] if one["state"] == "linked"]
    house.answer("people", "unlink", link["id"], "--as", owner)
    for person, numbers in zip((owner, minted), streams, strict=True):
        await until("each with what their stream tells", partial(tells, house, person, len(numbers)), 60)


async def told_in_order(house: JourneyHouse, people: list[str]) -> tuple[list[int], list[list[int]]]:
    """Return the numbers of the questions in log order, and the numbers of the facts of each stream."""
    async with house.database("learning_events") as connection:
        facts = await connection.fetch(
            "SELECT subject, number, convert_from(data, 'UTF8')::json ->> 'object' AS object FROM backbone.facts "
            "WHERE subject = ANY ($1) ORDER BY epoch, xid, id",
            people,
        )
    questions = [int(fact["object"].rpartition("/")[2]) for fact in facts]
    return questions, [[fact["number"] for fact in facts if fact["subject"] == one] for one in people]

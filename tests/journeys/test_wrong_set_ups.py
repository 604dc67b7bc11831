"""Five platforms are set up wrong, each in a usual way, and each is told in one sentence what to set instead."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from infra.embedded.layout import PORTS_SPAN
from shared.kernel.clock import rfc3339
from shared.kernel.ids import system_uuid7
from tests.journeys.house import ROOT, JourneyHouse, running_house

STATEMENT: Final = {
    "actor": {"account": {"homePage": "https://lms.example", "name": "ada"}},
    "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
    "object": {"id": "https://lms.example/questions/1"},
}


@pytest.fixture(scope="module")
def house() -> Iterator[JourneyHouse]:
    """A running house."""
    with running_house() as running:
        yield running


@pytest.fixture(scope="module")
def key(house: JourneyHouse) -> dict[str, Any]:
    """A key that may write."""
    organisation = house.answer("organisations", "create", "My academy")["id"]
    made: dict[str, Any] = house.answer("keys", "create", "--organisation", organisation, "--scopes", "write,read")
    return made


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def told(house: JourneyHouse, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """Send a statement and return the status and the one sentence that is answered."""
    statement = {"id": str(system_uuid7()), **STATEMENT}
    response = httpx.post(house.origin + path, json=statement, headers=headers, timeout=30, trust_env=False)
    body = response.json()
    return response.status_code, body["detail"] if response.status_code >= 400 else ""


def test_five_wrong_set_ups_are_each_named_in_one_sentence(house: JourneyHouse, key: dict[str, Any]) -> None:
    user, password = key["id"], key["secret"]
    right = {"authorization": basic(user, password), "x-experience-api-version": "2.0.0"}
    assert told(house, "/xapi/statements", right) == (200, "")

    # 1. The path of another product.
    status, sentence = told(house, "/data/xAPI/statements", right)
    assert status == 404
    assert "begins with /xapi" in sentence
    assert f"{house.origin}/xapi/statements" in sentence

    # 2. The secret in the place of the id.
    status, sentence = told(house, "/xapi/statements", {**right, "authorization": basic(password, user)})
    assert status == 401
    assert "id and secret are the wrong way round" in sentence
    assert password not in sentence

    # 3. A version that nobody speaks any more.
    status, sentence = told(house, "/xapi/statements", {**right, "x-experience-api-version": "0.95"})
    assert status == 400
    assert "X-Experience-API-Version" in sentence
    assert "1.0.3 or 2.0.0" in sentence

    # 4. The operator's key instead of the platform's.
    admin = {**right, "authorization": f"Bearer {house.home.admin_key()}"}
    assert told(house, "/xapi/statements", admin)[0] == 403
    assert "the operator's admin key" in summary_for(house, admin)

    # 5. A clock that is an hour off.
    late = {**right, "date": format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)}
    assert "60 minutes behind ours" in summary_for(house, late)

    assert summary_for(house, right) == "The set-up works: what is sent like this is taken."


def test_access_tokens_that_open_nothing_are_each_named_in_one_sentence(house: JourneyHouse) -> None:
    organisations = [house.answer("organisations", "create", name)["id"] for name in ("Mine", "Theirs")]
    mine, theirs = (house.answer("keys", "create", "--organisation", one, "--scopes", "write") for one in organisations)
    tokens = [token_of(house, key) for key in (mine, theirs)]
    bearers = [{"authorization": f"Bearer {token}"} for token in tokens]
    named = {"x-experience-api-version": "2.0.0"}
    assert told(house, "/xapi/statements", bearers[0] | named) == (200, "")
    assert summary_for(house, bearers[0]) == "The set-up works: what is sent like this is taken."

    # Of another tenant.
    sentence = summary_for(house, bearers[1], organisation=organisations[0])
    assert f"the access token's key belongs to {organisations[1]}" in sentence

    # Of a key that was revoked since: everywhere within ten seconds.
    house.answer("keys", "revoke", theirs["id"])
    revoked = "this access token's key was revoked at"
    assert soon(lambda: revoked in told(house, "/xapi/statements", bearers[1] | named)[1])
    assert told(house, "/xapi/statements", bearers[1] | named)[0] == 401
    assert soon(lambda: revoked in summary_for(house, bearers[1]))

    # Of nobody.
    sentence = summary_for(house, {"authorization": "Bearer dlo_" + "A" * 43})
    assert "nobody issued this credential" in sentence


def soon(is_so: Callable[[], bool]) -> bool:
    """Return True as soon as it is so, False if it is not within the ten seconds and the machine's slowness."""
    deadline = time.monotonic() + 20
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def token_of(house: JourneyHouse, key: dict[str, Any]) -> str:
    """Return an access token of the key, from where the metadata says."""
    metadata = httpx.get(f"{house.origin}/.well-known/oauth-authorization-server", timeout=30, trust_env=False).json()
    assert metadata["token_endpoint"] == f"{house.origin}/oauth/token"
    form = {"grant_type": "client_credentials"}
    shown = (key["id"], key["secret"])
    reply = httpx.post(metadata["token_endpoint"], data=form, auth=shown, timeout=30, trust_env=False)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["access_token"])


def test_the_inspector_shows_what_is_taken_and_what_is_refused(house: JourneyHouse, key: dict[str, Any]) -> None:
    right = {"authorization": basic(key["id"], key["secret"])}
    words = ["events", "tail", "--limit", "1", "--json", "--key", key["secret"]]
    environment = os.environ | {"DEEDLOG_HOME": str(house.home.path), "DEEDLOG_PORT": str(house.port)}
    command = [sys.executable, "-m", "cli.main", *words]
    assert told(house, "/xapi/statements", right)[0] == 200
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as tail:
        try:
            assert tail.stdout is not None
            watchdog = threading.Timer(60, tail.kill)
            watchdog.start()
            assert "verb" in json.loads(tail.stdout.readline())
            assert told(house, "/xapi/statements", {**right, "x-experience-api-version": "0.95"})[0] == 400
            assert json.loads(tail.stdout.readline())["status"] == 400
            assert told(house, "/xapi/statements", right)[0] == 200
            assert "verb" in json.loads(tail.stdout.readline())
            watchdog.cancel()
        finally:
            tail.kill()


def connected(house: JourneyHouse, url: str, *words: str, secret: str | None = None) -> tuple[int, str]:
    """Run `deedlog connect` as on a platform's machine: without the house's folder. Return exit code and summary."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEDLOG_")}
    environment |= {"DEEDLOG_HOME": str(house.home.path.with_name("elsewhere"))}
    environment |= {} if secret is None else {"DEEDLOG_KEY": secret}
    command = [sys.executable, "-m", "cli.main", "connect", url, *words, "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    return done.returncode, str(json.loads(done.stdout)["summary"])


def test_from_the_platforms_machine_each_wrong_set_up_is_named_in_one_sentence(
    house: JourneyHouse, key: dict[str, Any], tmp_path: Path
) -> None:
    right, user, secret = f"{house.origin}/xapi", key["id"], key["secret"]
    other = house.answer("organisations", "create", "Another academy")["id"]
    soon = rfc3339(datetime.now(UTC) + timedelta(seconds=2))
    expired = made_key(house, key["organisation"], expires_at=soon)
    revoked = made_key(house, key["organisation"])
    with house.api() as api:
        api.delete(f"/v1/api-keys/{revoked['id']}")
    late = {"id": str(system_uuid7()), **STATEMENT, "timestamp": rfc3339(datetime.now(UTC) + timedelta(hours=1))}
    (tmp_path / "late.json").write_text(json.dumps(late))

    assert connected(house, right, "--user", user, "--xapi-version", "1.0.3", secret=secret) == (0, "The set-up works.")
    cases: list[tuple[str, tuple[str, ...], str | None, str]] = [
        (f"{house.origin}/data/xAPI", (), secret, "begins with /xapi"),
        (right, ("--authorization", basic(secret, user)), None, "the wrong way round"),
        (right, ("--authorization", f"Bearer {user}"), None, "got the key's id"),
        (right, (), None, "no Authorization header"),
        (right, ("--xapi-version", "0.95"), secret, "none that is spoken here"),
        (right, ("--organisation", other), secret, "another organisation"),
        (right, (), revoked["secret"], "was revoked at"),
        (right, (), expired["secret"], "expired at"),
        (right, (), house.home.admin_key(), "the operator's admin key"),
        (right, ("--statement", str(tmp_path / "late.json")), secret, "60 minutes ahead of our clock"),
        (right.replace("http:", "https:"), (), secret, "speaks no TLS"),
        (f"http://127.0.0.1:{house.port + PORTS_SPAN - 1}/xapi", (), secret, "nobody listens"),
        ("deedlog.example/xapi", (), secret, "no http or https URL"),
    ]
    for url, words, shown, sentence in cases:
        code, summary = connected(house, url, *words, secret=shown)
        assert sentence in summary, (url, words, summary)
        assert code == (3 if "listens" in sentence else 1), summary
        assert shown is None or shown not in summary


def made_key(house: JourneyHouse, organisation: str, **more: Any) -> dict[str, Any]:
    """Return a key that may write."""
    with house.api() as api:
        made: dict[str, Any] = api.post("/v1/api-keys", {"organisation": organisation, "scopes": ["write"], **more})
    return made


def test_a_key_that_is_over_and_a_wrong_secret_show_in_the_log_of_their_organisation(
    house: JourneyHouse, key: dict[str, Any]
) -> None:
    revoked = made_key(house, key["organisation"])
    with house.api() as api:
        api.delete(f"/v1/api-keys/{revoked['id']}")
    assert told(house, "/xapi/statements", {"authorization": f"Bearer {revoked['secret']}"})[0] == 401
    assert told(house, "/xapi/statements", {"authorization": basic(key["id"], "dlk_wrong")})[0] == 401
    rules: dict[str, str] = {}
    until = time.monotonic() + 20
    while len(rules) < 2 and time.monotonic() < until:
        words = ("events", "refused", "--key", key["secret"])
        rules = {one["key"]: one["errors"][0]["rule"] for one in house.answer(*words) if one["status"] == 401}
    assert "was revoked at" in rules[revoked["id"]]
    assert rules[key["id"]] == "the secret that came with this key's id is not the key's"


def summary_for(house: JourneyHouse, headers: dict[str, str], **more: str) -> str:
    """Return what the connection test answers to a sender of these headers, in one sentence."""
    query = {"endpoint": f"{house.origin}/xapi", **more}
    response = httpx.get(
        f"{house.origin}/v1/connection-test", params=query, headers=headers, timeout=30, trust_env=False
    )
    assert response.status_code == 200, response.text
    return str(response.json()["summary"])

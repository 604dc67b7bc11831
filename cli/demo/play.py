"""The demonstration, act by act, over the public HTTP API only: whatever it does can be done by commands.

    1. the sample platform, its key, and what its activities are evidence for
    2. three people; the platform reports what they did; their accounts are linked with proof from both sides
    3. projects as git bundles, checked; two reviewers mark each, blind to one another
    4. levels, credentials and the record follow by themselves
    5. an employer asks to see a profile; the person consents; the look is shown to them

Run again, it plays with fresh people under the same names; nothing of an earlier run is touched.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from cli.demo.cast import (
    CRITERIA,
    EMPLOYER,
    ENGINEER,
    PLATFORM,
    PLATFORM_HOME,
    PLAYERS,
    PURPOSE,
    REVIEWERS,
    Player,
    Work,
    activity,
    alignments_csv,
)
from cli.demo.repository import make_bundle
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import Broken, Unavailable
from shared.kernel.ids import system_uuid7

WAIT_SECONDS_MAX: Final = 60.0
POLL_SECONDS: Final = 0.1
CONSENT_DAYS: Final = 90
LESSON_HOURS: Final = 30
XAPI_VERSION: Final = "2.0.0"
CSV: Final = "text/csv"
BUNDLE: Final = "application/x-git-bundle"


class Api(Protocol):
    """The public API as one caller meets it."""

    def as_caller(self, token: str) -> Api:
        """Return the API under another credential."""
        ...

    def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        ...

    def find(self, path: str) -> Any | None:
        """Return the JSON at a path; None when there is none or it is not to be seen yet."""
        ...

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Post JSON and return the reply's."""
        ...

    def send(self, method: str, path: str, content: bytes, media_type: str) -> Any:
        """Send bytes and return the reply's JSON."""
        ...


class Progress(Protocol):
    """Draws how far the demonstration is."""

    def act(self, title: str, steps: int) -> None:
        """Begin an act of so many steps."""
        ...

    def step(self, what: str) -> None:
        """Say that one step is done."""
        ...


@dataclass(slots=True)
class Person:
    """A player on the stage: their id and session token, and their submissions."""

    player: Player
    id: str
    token: str
    submissions: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Played:
    """What the demonstration leaves: its people, and the key and id of the employer."""

    people: tuple[Person, ...]
    employer: str
    employer_key: str
    grant: str


class Demonstration:
    """Plays the five acts against a running house."""

    def __init__(self, admin: Api, clock: Clock, progress: Progress) -> None:
        self._admin = admin
        self._clock = clock
        self._progress = progress

    def play(self) -> Played:
        """Play everything and return what is left of it. Raises Unavailable when something never came about."""
        platform, key = self._platform()
        people = tuple(self._people(platform, key))
        reviewers = [self._person(name) for name in REVIEWERS]
        self._projects(people, platform, reviewers)
        self._levels(people)
        return self._employer(people)

    # Act 1

    def _platform(self) -> tuple[str, Api]:
        self._progress.act("A learning platform connects", 3)
        organisation = self._admin.post("/v1/organisations", {"name": PLATFORM})["id"]
        self._progress.step("the platform is registered")
        key = self._admin.as_caller(self._key(organisation, ["write", "read", "state", "profile", "review"]))
        self._progress.step("it has a key")
        key.send("PUT", "/v1/alignments", alignments_csv().encode(), CSV)
        self._progress.step("its activities are aligned to skills")
        return organisation, key

    def _key(self, organisation: str, scopes: Sequence[str]) -> str:
        secret: str = self._admin.post("/v1/api-keys", {"organisation": organisation, "scopes": list(scopes)})["secret"]
        return secret

    # Act 2

    def _people(self, platform: str, key: Api) -> Iterator[Person]:
        self._progress.act("Three people learn", len(PLAYERS) * 2)
        for player in PLAYERS:
            person = self._person(player.name, player)
            account = f"{player.account}-{person.id[-6:].lower()}"
            key.post("/xapi/statements", self._statements(player, account), {"X-Experience-API-Version": XAPI_VERSION})
            self._progress.step(f"{player.name}: {len(player.lessons)} lessons reported")
            self._link(person, key, account)
            self._progress.step(f"{player.name}: the account is theirs, proven from both sides")
            yield person

    def _person(self, name: str, player: Player = ENGINEER) -> Person:
        person = self._admin.post("/v1/people", {"name": name})["id"]
        token = self._admin.post("/v1/sessions", {"person": person})["token"]
        return Person(player, person, token)

    def _link(self, person: Person, key: Api, account: str) -> None:
        link = self._admin.as_caller(person.token).post("/v1/account-links", {})
        identifier = f"account:{PLATFORM_HOME}|{account}"
        key.post(f"/v1/account-links/{link['id']}:attest", {"code": link["code"], "identifier": identifier})

    def _statements(self, player: Player, account: str) -> list[dict[str, Any]]:
        now = self._clock.now()
        count = len(player.lessons)
        return [
            {
                "id": str(system_uuid7()),
                "actor": {"objectType": "Agent", "account": {"homePage": PLATFORM_HOME, "name": account}},
                "verb": {"id": "http://adlnet.gov/expapi/verbs/completed", "display": {"en": "completed"}},
                "object": {
                    "objectType": "Activity",
                    "id": activity(slug).iri,
                    "definition": {"name": {"en": activity(slug).name}},
                },
                "result": {"score": {"scaled": score}, "success": score >= 0.6, "completion": True},
                "timestamp": rfc3339(now - timedelta(hours=LESSON_HOURS * (count - place))),
            }
            for place, (slug, score) in enumerate(player.lessons)
        ]

    # Act 3

    def _projects(self, people: Sequence[Person], platform: str, reviewers: Sequence[Person]) -> None:
        works = [(person, work) for person in people for work in person.player.works]
        self._progress.act("Projects are submitted, checked and reviewed", len(works) * 2)
        with tempfile.TemporaryDirectory(prefix="deedlog-demo-") as folder:
            for index, (person, work) in enumerate(works):
                self._submit(person, work, platform, Path(folder) / f"{index}.bundle")
                self._progress.step(f"{work.title}: submitted")
        submissions = [submission for one in people for submission in one.submissions]
        for (person, work), submission in zip(works, submissions, strict=True):
            self._review(person, work, submission, reviewers)
            self._progress.step(f"{work.title}: marked by two, blind to one another")

    def _submit(self, person: Person, work: Work, platform: str, bundle: Path) -> None:
        api = self._admin.as_caller(person.token)
        project = api.post("/v1/projects", {"title": work.title, "organisation": platform})["id"]
        make_bundle(person.player, work, self._clock.now() - timedelta(days=2), bundle)
        path = f"/v1/projects/{project}/submissions?author={person.player.email}"
        person.submissions.append(api.send("POST", path, bundle.read_bytes(), BUNDLE)["id"])

    def _review(self, person: Person, work: Work, submission: str, reviewers: Sequence[Person]) -> None:
        api = self._admin.as_caller(person.token)
        self._until(f"{work.title} is checked", lambda: _is_accepted(api, submission))
        chosen = [reviewers[index] for index in work.reviewers]
        self._admin.post(f"/v1/submissions/{submission}/reviewers", {"reviewers": [one.id for one in chosen]})
        for reviewer, marks in zip(chosen, work.marks, strict=True):
            body = {"marks": [{"criterion": c, "value": v} for c, v in zip(CRITERIA, marks, strict=True)]}
            self._admin.as_caller(reviewer.token).post(f"/v1/submissions/{submission}/reviews", body)

    # Act 4

    def _levels(self, people: Sequence[Person]) -> None:
        self._progress.act("Levels and credentials follow", len(people) + 1)
        for person in people:
            self._await_profile(person)
            self._progress.step(f"{person.player.name}: levels are in")
        api = self._admin.as_caller(people[0].token)
        self._until("a credential", lambda: bool(api.get(f"/v1/people/{people[0].id}/credentials")["items"]))
        self._progress.step("a credential was issued")

    def _await_profile(self, person: Person) -> None:
        api = self._admin.as_caller(person.token)
        works = len(person.player.works)
        self._until(f"the profile of {person.player.name}", lambda: _has_profile(api, person, works))

    # Act 5

    def _employer(self, people: Sequence[Person]) -> Played:
        self._progress.act("An employer asks, the person decides", 3)
        employer = self._admin.post("/v1/organisations", {"name": EMPLOYER})["id"]
        key = self._key(employer, ["profile"])
        person = people[0]
        request = self._admin.as_caller(key).post(
            "/v1/verification-requests", {"person": person.id, "purpose": PURPOSE}
        )["id"]
        self._progress.step("the employer asked to see a profile")
        expires_at = rfc3339(self._clock.now().astimezone(UTC) + timedelta(days=CONSENT_DAYS))
        approved = self._admin.as_caller(person.token).post(
            f"/v1/verification-requests/{request}:approve", {"expires_at": expires_at}
        )
        self._progress.step("the person consented, for this purpose and for 90 days")
        self._admin.as_caller(key).get(f"/v1/people/{person.id}/profile")
        self._progress.step("the employer looked, and the person sees that they did")
        return Played(tuple(people), employer, key, str(approved.get("grant", "")))

    def _until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds. Raises Unavailable after WAIT_SECONDS_MAX."""
        ends_at = self._clock.monotonic() + WAIT_SECONDS_MAX
        while not condition():
            if self._clock.monotonic() > ends_at:
                raise Unavailable(
                    f"waited {WAIT_SECONDS_MAX:.0f} s for {what} and it did not come about; see: deedlog doctor"
                )
            time.sleep(POLL_SECONDS)


def _has_profile(api: Api, person: Person, works: int) -> bool:
    """Say whether the levels are in. What the last work hardly moved is not told anew, so one skill is enough."""
    profile = api.find(f"/v1/people/{person.id}/profile")
    skills = profile["skills"] if profile else []
    return len(skills) >= len(CRITERIA) and max(skill["evidence"]["works"] for skill in skills) >= works


def _is_accepted(api: Api, submission: str) -> bool:
    """Say whether a submission was checked. Raises Broken when it was refused: the sample bundles are sound."""
    shown = api.get(f"/v1/submissions/{submission}")
    if shown["state"] == "refused":
        raise Broken(f"a sound bundle was refused: {shown['refusal']['message']}")
    return bool(shown["state"] != "received")

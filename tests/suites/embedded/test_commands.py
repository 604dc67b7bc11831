"""Whatever the demonstration does can be done by commands: from a platform's key to a credential verified offline."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cli.demo.cast import CRITERIA, ENGINEER, PLATFORM_HOME, activity, alignments_csv
from cli.demo.repository import make_bundle
from shared.kernel.ids import system_uuid7
from tests.suites.embedded.place import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ACCOUNT = "learner-77"
BOUND_SECONDS = 60.0


@dataclass
class Story:
    """What has come about so far, told by one command after another."""

    place: Place
    platform: str
    key: str
    person: str
    reviewers: list[str]
    files: Path
    submissions: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)


def until(place: Place, *words: str, holds: Any) -> Any:
    """Return what a command answers once `holds` says so."""
    ends_at = time.monotonic() + BOUND_SECONDS
    while True:
        done = place.run(*words, "--json")
        if done.returncode == 0 and holds(json.loads(done.stdout)):
            return json.loads(done.stdout)
        assert time.monotonic() < ends_at, f"{words}: {done.stdout[-500:]}{done.stderr}"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def story(standing_house: Place, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Six commands: a platform and its key, a person, three reviewers, the table, the lessons, the link."""
    place, files = standing_house, tmp_path_factory.mktemp("story")
    platform = place.json("organisations", "create", "Platform")["id"]
    scopes = "write,read,state,profile,review"
    key = place.json("keys", "create", "--organisation", platform, "--scopes", scopes)["secret"]
    person, *reviewers = (place.json("people", "create", name)["id"] for name in ("Author", "Ash", "Birch", "Cedar"))
    (files / "alignments.csv").write_text(alignments_csv())
    adopted = place.json("alignments", "upload", str(files / "alignments.csv"), "--key", key)
    assert adopted["is_new"] is True
    return Story(place, platform, key, person, reviewers, files)


def statements() -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    return [
        {
            "id": str(system_uuid7()),
            "actor": {"objectType": "Agent", "account": {"homePage": PLATFORM_HOME, "name": ACCOUNT}},
            "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
            "object": {"objectType": "Activity", "id": activity(slug).iri},
            "result": {"score": {"scaled": score}, "success": True, "completion": True},
            "timestamp": (now - timedelta(days=place)).isoformat(),
        }
        for place, (slug, score) in enumerate(ENGINEER.lessons, start=1)
    ]


def test_statements_are_published_and_a_second_time_change_nothing(story: Story) -> None:
    file = story.files / "lessons.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in statements()))
    for _ in range(2):
        answer = story.place.json("publish", str(file), "--key", story.key, "--batch", "3")
        assert answer == {"statements": len(ENGINEER.lessons), "stored": len(ENGINEER.lessons), "refused": []}
    shown = story.place.run("events", "tail", "--no-follow", "-n", "100", "--json", "--key", story.key)
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert len(lines) == len(ENGINEER.lessons)
    assert "completed" in story.place.run("events", "tail", "--no-follow", "--key", story.key).stdout


def test_a_batch_that_breaks_a_rule_is_refused_and_the_others_are_kept(story: Story) -> None:
    good, bad = statements()[:2]
    del bad["verb"]
    file = story.files / "mixed.json"
    file.write_text(json.dumps([good, bad]))
    done = story.place.run("publish", str(file), "--key", story.key, "--batch", "1", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["stored"] == 1
    assert answer["refused"][0]["first"] == 1
    assert "verb" in json.dumps(answer["refused"][0]["problem"])


def test_an_account_is_linked_with_proof_from_both_sides(story: Story) -> None:
    identifier = f"account:{PLATFORM_HOME}|{ACCOUNT}"
    linked = story.place.json("people", "link", story.person, "--account", identifier, "--key", story.key)
    assert linked["canonical"] == story.person
    accounts = story.place.json("people", "accounts", story.person)
    assert [one["identifier"] for one in accounts["accounts"]] == [identifier]
    (account,) = accounts["accounts"]
    assert account["proof"] == "attestation"


def test_a_platform_declares_a_persona_and_one_of_its_people_takes_an_account_away(story: Story) -> None:
    place = story.place
    key = place.json("keys", "create", "-o", story.platform, "--scopes", "admin")["secret"]
    names = ["mbox:one@persona.example", "mbox:two@persona.example"]
    made = place.json("people", "declare", *names, "--key", key)
    assert made["proof"] == "declaration"
    shown = place.json("people", "accounts", made["canonical"])["accounts"]
    by_proof = {one["proof"]: one for one in shown}
    assert len(shown) == 2
    assert by_proof.keys() == {"first-seen", "declaration"}
    assert "declared by the platform" in place.run("people", "accounts", made["canonical"]).stdout
    place.json("people", "unlink", by_proof["declaration"]["id"], "--as", made["canonical"])
    assert len(place.json("people", "accounts", made["canonical"])["accounts"]) == 1
    (ended,) = place.json("people", "personas", "--key", key)
    assert ended["ended_by"] == "person"
    place.json("people", "take-back", made["id"], "--key", key)


def words_for(marks: Sequence[int]) -> list[str]:
    return [f"{criterion}={mark}" for criterion, mark in zip(CRITERIA, marks, strict=True)]


def test_projects_are_submitted_and_marked_by_two(story: Story) -> None:
    place = story.place
    for number, work in enumerate(ENGINEER.works):
        bundle = story.files / f"{number}.bundle"
        make_bundle(ENGINEER, work, datetime.now(UTC) - timedelta(days=2), bundle)
        project = place.json("projects", "create", work.title, "--as", story.person, "-o", story.platform)["id"]
        submitted = place.json(
            "projects", "submit", project, "--bundle", str(bundle), "--author", ENGINEER.email, "--as", story.person
        )
        assert submitted["state"] == "accepted", submitted
        assert {one["grade"] for one in submitted["evidence"]} <= {"A", "B", "C"}
        panel = [story.reviewers[index] for index in work.reviewers]
        place.json("reviews", "assign", submitted["id"], *panel, "--key", story.key)
        given = [
            place.json("reviews", "give", submitted["id"], *words_for(marks), "--as", reviewer)
            for reviewer, marks in zip(panel, work.marks, strict=True)
        ]
        assert [one["is_complete"] for one in given] == [False, True]
        story.submissions.append(submitted["id"])
        story.projects.append(project)
    seen = place.json("reviews", "list", story.submissions[0], "--as", story.person)
    assert {one["reviewer"] for one in seen} == {story.reviewers[0], story.reviewers[1]}


def test_levels_follow_and_are_drawn(story: Story) -> None:
    def counts_all(profile: Any) -> bool:
        works = [one["evidence"]["works"] for one in profile["skills"]]
        return len(works) >= len(CRITERIA) and min(works) >= 3

    profile = until(story.place, "profile", "show", story.person, holds=counts_all)
    drawn = story.place.run("profile", "show", story.person).stdout
    print(drawn)
    for one in profile["skills"]:
        assert one["skill"].partition(".")[2] in drawn
    assert "●" in drawn
    assert "hire" not in drawn.lower()


def test_a_person_has_their_next_try_and_one_more_review_predicted(story: Story) -> None:
    place, lesson = story.place, activity(ENGINEER.lessons[0][0]).iri
    words = ("predict", story.person, "--organisation", story.platform, "--activity")
    found = place.json(*words, lesson)
    assert (found["person"], found["by"]) == (story.person, "state")
    assert 0.5 < found["chance"] == found["state_chance"] < 1.0
    drawn = place.run(*words, lesson).stdout
    assert "█" in drawn
    assert "the release in force has no readout" in " ".join(drawn.split())
    unknown = place.run(*words, "https://lms.example/never-aligned")
    assert unknown.returncode == 1
    assert "/activity: the organisation aligned no such activity" in unknown.stderr
    marked = place.json("predict", story.person, "--work", story.projects[0])
    assert {one["criterion"] for one in marked["marks"]} == set(CRITERIA)
    assert marked["reviews"] == 2
    skill = marked["marks"][0]["skill"]
    new = place.json("predict", story.person, "--work", "new", "--criterion", f"interfaces={skill}")
    assert (len(new["marks"]), new["reviews"]) == (1, 0)
    drawn = place.run("predict", story.person, "--work", "new", "--criterion", f"a={skill}").stdout
    assert "the mark told is the mean mark, rounded" in " ".join(drawn.split())


def test_a_credential_is_exported_and_verified_without_the_house(story: Story) -> None:
    place = story.place
    (credential, *_) = until(place, "credentials", "list", story.person, holds=bool)
    file = story.files / "credential.json"
    exported = place.json("credentials", "export", credential["id"], str(file), "--as", story.person)

    stranger = story.files / "nobody.json"
    unknown = place.run("verify", str(file), "--trust", str(stranger))
    assert unknown.returncode == 1
    assert "issuer unknown" in unknown.stdout.lower()
    for pin in exported["pins"]:
        assert place.run(*pin.split()[1:]).returncode == 0
    verdict = place.run("verify", str(file), "--json")
    assert verdict.returncode == 0, verdict.stdout
    assert place.home.trust_file.exists()

    revoked = place.json("credentials", "revoke", credential["id"], "issued-in-error")
    assert revoked["is_revoked"] is True
    place.json("credentials", "export", credential["id"], str(file))
    assert place.run("verify", str(file)).returncode == 1


def test_an_employer_asks_and_the_person_decides(story: Story) -> None:
    place = story.place
    employer = place.json("organisations", "create", "Employer")["id"]
    key = place.json("keys", "create", "-o", employer, "-s", "profile")["secret"]
    closed = place.run("profile", "show", story.person, "--key", key)
    assert closed.returncode == 1
    assert "consent" in closed.stderr
    request = place.json("requests", "create", story.person, "Role: integration engineer", "--key", key)
    assert request["state"] == "pending"
    approved = place.json("requests", "approve", request["id"], "--as", story.person, "--days", "30")
    assert approved["state"] == "approved"
    assert place.json("profile", "show", story.person, "--key", key)["grant"] == approved["grant"]
    (access, *_) = place.json("consents", "accesses", story.person)
    assert access["organisation"] == employer
    place.json("consents", "withdraw", approved["grant"], "--as", story.person)
    assert place.run("profile", "show", story.person, "--key", key).returncode == 1
    again = place.json("requests", "create", story.person, "Once more", "--key", key)
    assert place.json("requests", "decline", again["id"], "--as", story.person)["state"] == "declined"


def test_the_record_is_shown_and_the_log_only_grows(story: Story) -> None:
    place = story.place
    streams = place.json("record", "show", story.person)["streams"]
    assert sum(one["size"] for one in streams) > 0
    first = place.json("record", "verify")
    assert first["is_valid"] is True
    place.json("people", "create", "One more entry")
    until(place, "record", "verify", holds=lambda answer: answer["size"] > first["size"])


def test_what_was_derived_comes_out_the_same_from_its_facts(story: Story) -> None:
    for service in ("skill_inference", "skill_profiles"):
        rebuilt = story.place.json("rebuild", service, "--check")
        assert rebuilt["is_equal"], rebuilt
        print(f"{service}: {rebuilt['facts']} facts, digest {rebuilt['live_digest'][:16]}")


def test_nothing_was_parked_on_the_way_and_the_doctor_is_content(story: Story) -> None:
    letters = story.place.json("dlq", "list")
    assert [one for one in letters["items"] if one["kind"] == "parked"] == []
    assert letters["unreachable"] == []
    doctor = story.place.run("doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert "All is well" in doctor.stdout
    print(doctor.stdout)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["people", "show", "prs_00000000000000000000000000"], 1),
        (["organisations", "create", ""], 2),
        (["keys", "create", "-o", "org_00000000000000000000000000", "-s", "everything"], 2),
        (["rebuild", "record_log"], 2),
        (["dlq", "redrive", "skill_profiles", "identity", "prs_00000000000000000000000000"], 1),
        (["no-such-command"], 2),
        (["credentials", "revoke", "vcr_00000000000000000000000000", "x"], 1),
    ],
)
def test_what_is_refused_is_told_in_a_sentence_with_its_exit_code(story: Story, words: list[str], code: int) -> None:
    done = story.place.run(*words)
    assert done.returncode == code, done.stderr
    assert done.stderr.strip() != ""
    assert "Traceback" not in done.stderr


def test_a_wrong_credential_is_told_apart_from_no_house(story: Story) -> None:
    story.place.environment["DEEDLOG_KEY"] = "dla_nobody-issued-this-credential"
    try:
        done = story.place.run("people", "list")
    finally:
        del story.place.environment["DEEDLOG_KEY"]
    assert done.returncode == 2
    assert "DEEDLOG_KEY" in done.stderr


def test_no_house_at_the_origin_is_told_with_the_way_to_start_one(place: Place) -> None:
    place.environment["DEEDLOG_KEY"] = "any"
    done = place.run("people", "list")
    assert done.returncode == 3
    assert "deedlog up" in done.stderr
    assert urlsplit(f"http://127.0.0.1:{place.port}").netloc in done.stderr

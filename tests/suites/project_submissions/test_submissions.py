"""Bundles come in over HTTP, are kept, checked and told; the same one twice is one; others' are not to be seen."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.events.project_submissions import EvidenceGraded, ProjectRegistered, SubmissionAccepted
from shared.kernel.hashing import digest_text, sha256
from tests.suites.identity.house import answered
from tests.suites.project_submissions.house import EMAIL, SubmissionsHouse, until, work

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIXTY_FOUR_MIB = 64 << 20


async def test_a_project_is_opened_told_and_listed_newest_first(house: SubmissionsHouse) -> None:
    ada = await house.someone()
    projects = [await ada.project(f"Work {number}") for number in range(3)]
    assert await house.told(ada.person) == [
        ProjectRegistered(project=project, title=f"Work {number}") for number, project in enumerate(projects)
    ]
    first = await ada.get("/v1/projects?limit=2")
    second = await ada.get(f"/v1/projects?limit=2&cursor={first['next_cursor']}")
    assert [item["id"] for item in first["items"] + second["items"]] == projects[::-1]
    assert not second["has_more"]


async def test_a_bundle_is_accepted_with_evidence_and_told_in_one_transaction(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    ada = await house.someone()
    project = await ada.project()
    received = await ada.submit(project, bundle)
    assert received["state"] in ("received", "accepted")
    shown = await ada.checked(received["id"])
    assert (shown["state"], shown["commits"], shown["authorship_share"]) == ("accepted", 2, 1.0)
    assert shown["bundle"] == {"digest": digest_text(sha256(bundle)), "bytes": len(bundle)}
    kinds = [(item["kind"], item["grade"]) for item in shown["evidence"]]
    assert kinds == [
        ("history", "B"), ("history", "C"), ("authorship", "C"), ("ci", "B"), ("tests", "B"), ("docs", "B"),
    ]  # fmt: skip
    registered, accepted, *graded = await house.told(ada.person)
    assert isinstance(registered, ProjectRegistered)
    assert isinstance(accepted, SubmissionAccepted)
    assert (accepted.submission, accepted.bundle_digest) == (received["id"], shown["bundle"]["digest"])
    assert [(one.evidence, one.summary) for one in graded if isinstance(one, EvidenceGraded)] == [
        (item["id"], item["summary"]) for item in shown["evidence"]
    ]
    told = await house.transactions(ada.person)
    assert [name for name, _ in told] == ["project-registered", "submission-accepted"] + ["evidence-graded"] * 6
    assert len({xid for _, xid in told[1:]}) == 1


async def test_names_and_addresses_in_a_history_are_not_told(house: SubmissionsHouse, bundle: bytes) -> None:
    ada = await house.someone()
    await house.accepted(ada, bundle)
    data = b"".join(fact.data or b"" for fact in await house.stream(ada.person))
    assert EMAIL.encode() not in data
    assert b"example.org" not in data


async def test_the_history_of_this_repository_is_read(house: SubmissionsHouse, own_root: Path, tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=own_root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    if not (own_root / ".git").exists():
        pytest.skip("this is no checkout, so there is no history to read")
    if git("rev-parse", "--is-shallow-repository") == "true":
        pytest.skip("this is a shallow clone: its history is not whole")
    path = tmp_path / "own.bundle"
    git("bundle", "create", "--quiet", str(path), "HEAD")
    head, _, author = git("log", "-1", "--format=%H %ae").partition(" ")
    ada = await house.someone()
    shown = await ada.checked((await ada.submit(await ada.project("Deedlog"), path.read_bytes(), [author]))["id"])
    assert shown["state"] == "accepted", shown["refusal"]
    assert (shown["head_commit"], shown["commits"]) == (head, int(git("rev-list", "--count", head)))
    assert 0 < shown["authorship_share"] <= 1
    assert {"history", "authorship", "ci", "tests", "docs"} <= {item["kind"] for item in shown["evidence"]}


async def test_what_is_no_bundle_is_refused_with_the_reason_and_nothing_is_told(house: SubmissionsHouse) -> None:
    ada = await house.someone()
    submission = (await ada.submit(await ada.project(), b"PK no bundle at all"))["id"]
    shown = await ada.checked(submission)
    assert (shown["state"], shown["evidence"]) == ("refused", [])
    (error,) = shown["refusal"]["errors"]
    assert error["pointer"] == "/bundle"
    assert "no git bundle" in error["rule"]
    assert error["mend"]
    assert [name for name, _ in await house.transactions(ada.person)] == ["project-registered"]


async def test_a_bundle_that_is_cut_off_is_refused(house: SubmissionsHouse, bundle: bytes) -> None:
    ada = await house.someone()
    shown = await ada.checked((await ada.submit(await ada.project(), bundle[:-40]))["id"])
    assert shown["state"] == "refused"
    assert "damaged or cut off" in shown["refusal"]["message"]


async def test_the_same_bundle_again_is_the_same_submission(house: SubmissionsHouse, bundle: bytes) -> None:
    ada = await house.someone()
    project = await ada.project()
    first = await ada.submit(project, bundle)
    await ada.checked(first["id"])
    again = await ada.submit(project, bundle, status=200)
    assert (again["id"], again["state"]) == (first["id"], "accepted")
    told = [name for name, _ in await house.transactions(ada.person)]
    assert told.count("submission-accepted") == 1


async def test_four_who_send_the_same_bundle_at_once_make_one_submission(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    """Interleaving: the first cannot file it yet; the others come to where they would look whether it was filed."""
    ada = await house.someone()
    project = await ada.project()
    async with house.submissions_read_only() as waiting:
        sending = [asyncio.create_task(ada.send_bundle(project, bundle)) for _ in range(4)]

        async def are_all_there() -> bool:
            return await waiting() == 4

        await until(are_all_there)
    answers = await asyncio.gather(*sending)
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_the_same_bundle_under_other_names_or_after_a_refusal_is_a_new_submission(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    ada = await house.someone()
    project = await ada.project()
    first = await ada.submit(project, bundle)
    second = await ada.submit(project, bundle, [EMAIL, "ada@work.example"])
    assert first["id"] != second["id"]
    refused = await ada.submit(project, b"no bundle")
    await ada.checked(refused["id"])
    assert (await ada.submit(project, b"no bundle"))["id"] != refused["id"]
    listed = await ada.get(f"/v1/projects/{project}/submissions")
    assert [item["id"] for item in listed["items"]][1:] == [refused["id"], second["id"], first["id"]]


async def test_a_repeated_idempotency_key_is_answered_as_before_and_another_bundle_under_it_refused(
    house: SubmissionsHouse, bundle: bytes, other_bundle: bytes
) -> None:
    ada = await house.someone()
    project = await ada.project()
    first = await ada.send_bundle(project, bundle, idempotency_key="one")
    again = await ada.send_bundle(project, bundle, idempotency_key="one")
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    other = await ada.send_bundle(project, other_bundle, idempotency_key="one")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-mismatch")
    assert len((await ada.get(f"/v1/projects/{project}/submissions"))["items"]) == 1


async def test_a_bundle_at_the_bound_is_taken_in_and_one_byte_more_is_refused_whole(house: SubmissionsHouse) -> None:
    ada = await house.someone()
    project = await ada.project()

    async def zeros(count: int) -> AsyncIterator[bytes]:
        for start in range(0, count, 1 << 20):
            yield bytes(min(1 << 20, count - start))

    before = house.bundles()
    assert (await ada.send_bundle(project, zeros(SIXTY_FOUR_MIB + 1))).status_code == 413
    assert house.bundles() == before
    assert not list((house.files / "scratch").glob("*.part"))
    assert (await ada.submit(project, zeros(SIXTY_FOUR_MIB)))["bundle"]["bytes"] == SIXTY_FOUR_MIB


async def test_one_person_has_five_waiting_at_most_and_others_are_not_hindered(
    house: SubmissionsHouse, bundle: bytes, other_bundle: bytes
) -> None:
    ada, ben = await house.someone("Ada"), await house.someone("Ben")
    adas, bens = await ada.project(), await ben.project()
    async with house.checks_held(bundle):
        answers = await asyncio.gather(*(ada.send_bundle(adas, b"no bundle %d" % number) for number in range(7)))
        assert sorted(answer.status_code for answer in answers) == [202] * 5 + [413] * 2
        refused = answered(await ada.send_bundle(adas, b"one too many"), 413)
        assert "at most 5 submissions" in refused["detail"]
        await ben.submit(bens, other_bundle)
    assert digest_text(sha256(b"one too many")) not in house.bundles()
    for item in (await ada.get(f"/v1/projects/{adas}/submissions"))["items"]:
        await ada.checked(item["id"])
    await ada.submit(adas, b"no bundle at last")


@pytest.mark.parametrize("names", [[], ["<ada@example.org>"], [f"a{number}@b.c" for number in range(11)], ["a\0b"]])
async def test_a_submission_says_under_which_names_its_author_committed(
    house: SubmissionsHouse, bundle: bytes, names: list[str]
) -> None:
    ada = await house.someone()
    refused = answered(await ada.send_bundle(await ada.project(), bundle, names), 400)
    assert refused["errors"][0]["pointer"] == "author"


async def test_an_empty_body_and_another_media_type_are_refused(house: SubmissionsHouse, bundle: bytes) -> None:
    ada = await house.someone()
    project = await ada.project()
    assert (await ada.send_bundle(project, b"")).status_code == 400
    assert (await ada.send_bundle(project, bundle, media_type="application/json")).status_code == 415


async def test_what_nothing_refers_to_is_cleared_up_once_it_is_old_and_what_stands_is_kept(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    ada = await house.someone()
    await house.accepted(ada, bundle)
    refused = await ada.submit(await ada.project(), b"no bundle, to be cleared up")
    await ada.checked(refused["id"])
    digest = refused["bundle"]["digest"]
    left_behind = house.files / "scratch" / "bundle-of-a-killed-check"
    left_behind.mkdir()
    (left_behind / "objects").touch()
    await house.tidying.tidy()
    assert digest in house.bundles()
    long_ago = time.time() - 2 * 3600
    for path in [left_behind, *(house.files / "bundles").iterdir()]:
        os.utime(path, (long_ago, long_ago))
    await house.tidying.tidy()
    assert digest not in house.bundles()
    assert digest_text(sha256(bundle)) in house.bundles()
    assert not left_behind.exists()


async def test_a_bundle_that_was_lost_is_refused_and_says_so(
    house: SubmissionsHouse, bundle: bytes, tmp_path: Path
) -> None:
    ada = await house.someone()
    project = await ada.project()
    async with house.checks_held(bundle):
        lost = await ada.submit(project, work(tmp_path / "lost", "print('lost')\n"))
        (house.files / "bundles" / f"{lost['bundle']['digest'].removeprefix('sha256:')}.bundle").unlink()
    assert "not here any more" in (await ada.checked(lost["id"]))["refusal"]["message"]


async def test_a_check_that_never_came_to_an_end_is_given_up_and_those_behind_it_go_on(
    house: SubmissionsHouse, bundle: bytes, other_bundle: bytes
) -> None:
    ada, ben = await house.someone("Ada"), await house.someone("Ben")
    adas, bens = await ada.project(), await ben.project()
    async with house.checks_held(bundle):
        fatal, behind = await ada.submit(adas, other_bundle), await ben.submit(bens, other_bundle)
        async with house.backbone.backbone() as tx:
            await tx.connection.execute("UPDATE submissions SET attempts = 5 WHERE id = $1", fatal["id"])
    refused = await ada.checked(fatal["id"])
    assert (refused["state"], refused["refusal"]["errors"][0]["pointer"]) == ("refused", "/bundle")
    assert "5 attempts" in refused["refusal"]["message"]
    assert (await ben.checked(behind["id"]))["state"] == "accepted"


async def test_a_scratch_folder_that_is_away_delays_a_check_and_counts_against_nobody(
    house: SubmissionsHouse, bundle: bytes, other_bundle: bytes
) -> None:
    ada = await house.someone()
    project = await ada.project()
    async with house.checks_held(bundle):
        submission = (await ada.submit(project, other_bundle))["id"]
        shutil.move(house.files / "scratch", house.files / "away")
    try:
        await asyncio.sleep(0.5)
        assert (await ada.get(f"/v1/submissions/{submission}"))["state"] == "received"
    finally:
        shutil.move(house.files / "away", house.files / "scratch")
    assert (await ada.checked(submission))["state"] == "accepted"

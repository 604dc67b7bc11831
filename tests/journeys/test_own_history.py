"""This repository's own history is the project: bundled by git, submitted, checked, reviewed, and seen in a profile."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.journeys.house import ROOT, running_house

WAIT_SECONDS_MAX: Final = 90.0
BUNDLE_TYPE: Final = "application/x-git-bundle"

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (ROOT / ".git").exists(), reason="this is not a git checkout: there is no history to submit"
    ),
]


def git(*words: str) -> str:
    """Return what git says about this repository."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


async def until(what: str, condition: Callable[[], Any]) -> Any:
    """Return what `condition` returns once it is true. Raises TimeoutError naming what never came."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not (found := await asyncio.to_thread(condition)):
            await asyncio.sleep(0.2)
    return found


async def test_this_repositorys_own_history_becomes_evidence_and_marks_become_levels(tmp_path: Path) -> None:
    bundle = tmp_path / "deedlog.bundle"
    git("bundle", "create", str(bundle), "HEAD")
    head = git("bundle", "list-heads", str(bundle)).split()[0]
    authors = sorted(set(git("log", "--format=%ae", head).splitlines()))[:10]
    with running_house() as house, house.api() as api:
        author = api.post("/v1/people", {"name": "The author"})["id"]
        person = api.as_person(author)
        project = person.post("/v1/projects", {"title": "Deedlog itself"})["id"]
        query = "&".join(f"author={email}" for email in authors)
        path = f"/v1/projects/{project}/submissions?{query}"
        submission = person.send("POST", path, bundle.read_bytes(), BUNDLE_TYPE)["id"]

        def checked() -> Any:
            shown = person.get(f"/v1/submissions/{submission}")
            return shown if shown["state"] != "received" else None

        shown = await until("the bundle to be checked", checked)
        assert shown["state"] == "accepted", shown["refusal"]
        assert shown["commits"] == int(git("rev-list", "--count", head))
        assert shown["head_commit"] == head
        assert shown["authorship_share"] == pytest.approx(1.0)
        grades = {(item["kind"], item["grade"]) for item in shown["evidence"]}
        assert {("history", "B"), ("authorship", "C"), ("tests", "B"), ("docs", "B"), ("ci", "B")} <= grades

        criteria = [one["id"] for one in api.get("/v1/rubrics")["items"][0]["criteria"]]
        reviewers = [api.post("/v1/people", {"name": f"Reviewer {number}"})["id"] for number in (1, 2)]
        api.post(f"/v1/submissions/{submission}/reviewers", {"reviewers": reviewers})
        for reviewer in reviewers:
            marks = [{"criterion": criterion, "value": 4} for criterion in criteria]
            api.as_person(reviewer).post(f"/v1/submissions/{submission}/reviews", {"marks": marks})

        def marked() -> Any:
            profile = person.find(f"/v1/people/{author}/profile")
            return profile if profile and len(profile["skills"]) >= len(criteria) else None

        profile = await until("levels in the profile", marked)
        for skill in profile["skills"]:
            estimate, evidence = skill["estimate"], skill["evidence"]
            assert (evidence["works"], evidence["raters"]) == (1, 2)
            assert estimate["interval"]["low"] < estimate["mean"] < estimate["interval"]["high"]

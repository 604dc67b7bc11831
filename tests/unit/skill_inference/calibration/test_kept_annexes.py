"""What a release keeps of the one before where a part of it was not fitted anew."""

from __future__ import annotations

import numpy as np

from services.skill_inference import parameters
from services.skill_inference.calibration.making import make_release
from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.release import parse_release
from shared.kernel import canonical_json
from tests.unit.skill_inference.people import APIS, review

TASKS = canonical_json.dumps({"tasks": {"https://lms.example/quiz/7": [0.5, 0.25]}, "skills": {APIS: [0.125, 0.0625]}})
REVIEWERS = canonical_json.dumps({"reviewers": {"prs_gone": {"leniency": [0.5, 0.25], "parts": {}}}})


def reviewed() -> dict[str, list[Observation]]:
    """Reviews enough to fit, and no outcome."""
    drawn = np.random.default_rng(3)
    found: dict[str, list[Observation]] = {}
    for p in range(40):
        reviewers = drawn.choice(5, 2, replace=False).tolist()
        found[f"prs_{p:03}"] = [
            review(0, f"prs_r{who}", int(drawn.integers(0, 6)), [APIS], again=who) for who in reviewers
        ]
    return found


def test_a_refit_of_reviews_alone_keeps_what_is_known_of_tasks_and_replaces_what_is_known_of_reviewers() -> None:
    before = {"tasks": TASKS, "reviewers": REVIEWERS}
    made = make_release(reviewed(), parameters.release_document("0"), before, "marked", lambda loss: None)
    assert made.written.annexes["tasks"] == TASKS
    release = parse_release(made.written.document).with_annexes(made.written.annexes)
    assert release.tasks.known["https://lms.example/quiz/7"] == (0.5, 0.25)
    assert set(release.reviewers.known) == {f"prs_r{n}" for n in range(5)}


def test_a_release_without_annexes_before_it_keeps_none() -> None:
    made = make_release(reviewed(), parameters.release_document("0"), {}, "marked", lambda loss: None)
    assert set(made.written.annexes) == {"reviewers"}

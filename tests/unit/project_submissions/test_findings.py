"""What is found in a repository, and how far it can be relied upon."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.project_submissions.domain.authorship import blameable, sample
from services.project_submissions.domain.contents import survey
from services.project_submissions.domain.evidence import Basis, Evidence, Kind
from services.project_submissions.domain.findings import authorship_share, gather
from services.project_submissions.domain.history import analyse
from services.project_submissions.domain.repository import Identity, Repository, TreeFile
from tests.unit.project_submissions.samples import BEN_IDENTITY, NOW, commit, repository

EMAILS = ["ada@example.org"]


def found(where: Repository) -> dict[tuple[Kind, str], Evidence]:
    return {(evidence.kind, evidence.grade): evidence for evidence in gather(where, EMAILS, NOW)}


def test_what_the_bundle_holds_is_b_and_what_it_claims_is_c() -> None:
    grades = set(found(repository(".gitlab-ci.yml", "Dockerfile", "tests/test_a.py", "README.md")))
    assert grades == {
        (Kind.HISTORY, "B"),
        (Kind.HISTORY, "C"),
        (Kind.AUTHORSHIP, "C"),
        (Kind.CI, "B"),
        (Kind.CONTAINER, "B"),
        (Kind.TESTS, "B"),
        (Kind.DOCS, "B"),
    }


def test_nothing_that_rests_on_a_date_or_a_name_is_graded_better_than_c() -> None:
    observed = found(repository())[Kind.HISTORY, "B"].findings
    assert set(observed) == {"commits", "merges", "signatures_unchecked", "insertions"}


def test_what_is_not_there_is_no_evidence() -> None:
    assert set(found(repository("main.py"))) == {(Kind.HISTORY, "B"), (Kind.HISTORY, "C"), (Kind.AUTHORSHIP, "C")}


def test_a_signature_that_nobody_checked_lifts_no_grade() -> None:
    signed = replace(repository(), commits=tuple(replace(one, has_signature=True) for one in repository().commits))
    assert found(signed)[Kind.HISTORY, "B"].findings["signatures_unchecked"] == 3
    assert all(grade != "A" for _, grade in found(signed))


def test_a_third_partys_signature_would_be_a() -> None:
    assert Evidence(Kind.HISTORY, Basis.SIGNATURE, {}, "").grade == "A"


def test_every_summary_is_one_sentence_without_a_name() -> None:
    for evidence in found(repository(".ci/run", "Dockerfile", "tests/test_a.py", "README.md")).values():
        assert evidence.summary.endswith(".")
        assert len(evidence.summary) <= 300
        for personal in ("Ada", "Ben", "@"):
            assert personal not in evidence.summary


def test_the_digest_of_evidence_depends_on_bundle_grade_and_findings() -> None:
    evidence = Evidence(Kind.CI, Basis.OBSERVED, {"files": 1}, "one")
    others = [replace(evidence, basis=Basis.DECLARED), replace(evidence, findings={"files": 2})]
    digests = {one.digest(bytes(32)) for one in (evidence, *others)} | {evidence.digest(bytes(31) + b"1")}
    assert len(digests) == 4
    assert evidence.digest(bytes(32)) == replace(evidence, summary="other words").digest(bytes(32))


def test_the_share_of_the_author_is_of_lines_and_of_commits_where_no_line_is_ascribed() -> None:
    assert authorship_share(repository(), [" ADA@example.org"]) == 0.75
    assert authorship_share(replace(repository(), lines_by_identity={}), EMAILS) == 2 / 3
    assert authorship_share(repository(), ["nobody@example.org"]) == 0.0


def test_a_history_is_counted_as_its_commits_state_it() -> None:
    commits = [commit("d", "c", "b", days=2.5), commit("c", "a", days=2), commit("b", "a"), commit("a", days=0.25)]
    history = analyse(commits)
    assert (history.commit_count, history.merge_count, history.active_days) == (4, 1, 3)
    assert history.span_days == 2.5
    assert history.busiest_day_share == 0.5
    assert history.parent_edges == 4


def test_a_commit_that_states_an_earlier_time_than_its_parent_is_counted() -> None:
    painted = [commit("b", "a", days=5, committed_days=-1), commit("a")]
    assert analyse(painted).clock_order_violations == 1
    assert analyse([commit("b", "a"), commit("a")]).clock_order_violations == 0


def test_a_parent_that_is_not_in_the_history_is_no_edge() -> None:
    assert analyse([commit("b", "gone")]).parent_edges == 0


def test_commits_without_an_address_are_ascribed_to_the_name() -> None:
    assert Identity(" Ada ", " ").key == "ada"
    assert BEN_IDENTITY.key == "ben@example.org"


@pytest.mark.parametrize(
    ("path", "system"),
    [
        (".github/workflows/build.yml", "GitHub Actions"),
        (".gitlab-ci.yml", "GitLab CI"),
        ("Jenkinsfile", "Jenkins"),
        ("deploy/Jenkinsfile.release", "Jenkins"),
        (".ci/run", "a .ci folder"),
        (".circleci/config.yml", "CircleCI"),
        ("azure-pipelines.yml", "Azure Pipelines"),
        (".travis.yml", "Travis CI"),
        ("bitbucket-pipelines.yml", "Bitbucket Pipelines"),
        (".buildkite/pipeline.yml", "Buildkite"),
        (".woodpecker/test.yaml", "Woodpecker or Drone"),
        (".forgejo/workflows/ci.yml", "Forgejo or Gitea Actions"),
    ],
)
def test_a_ci_file_is_known_by_its_place(path: str, system: str) -> None:
    assert survey([TreeFile(path, 1)]).ci_files == {system: 1}


@pytest.mark.parametrize("path", ["docs/.gitlab-ci.yml", "workflows/build.yml", ".github/build.yml", "ci/run"])
def test_a_file_elsewhere_is_no_ci(path: str) -> None:
    assert survey([TreeFile(path, 1)]).ci_files == {}


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_api.py", "src/app_test.go", "web/button.spec.tsx", "src/test/java/AppTest.java", "spec/a_spec.rb",
        "tests/integration/run.sh", "tests/api.rs", "features/login.feature", "pkg/thing.test.mjs",
    ],
)  # fmt: skip
def test_a_test_is_known_by_its_layout(path: str) -> None:
    assert survey([TreeFile(path, 1)]).test_files == 1


@pytest.mark.parametrize(
    "path", ["tests/__init__.py", "tests/conftest.py", "tests/data/a.json", "latest.py", "test.md"]
)
def test_what_lies_beside_tests_is_no_test(path: str) -> None:
    assert survey([TreeFile(path, 1)]).test_files == 0


@pytest.mark.parametrize(
    "path", ["Dockerfile", "api/Dockerfile.dev", "Containerfile", "docker-compose.yml", "compose.yaml"]
)
def test_a_container_file_is_known_by_its_name(path: str) -> None:
    assert survey([TreeFile(path, 1)]).container_files == 1


def test_documents_runbooks_and_postmortems_are_counted() -> None:
    paths = [
        "README.md", "docs/how-to/deploy.md", "docs/runbooks/restart.md", "ops/RUNBOOK.md",
        "docs/postmortems/2026-01.md", "src/notes.md", "src/postmortem.py",
    ]  # fmt: skip
    contents = survey(TreeFile(path, 1) for path in paths)
    assert contents.has_readme
    assert (contents.document_files, contents.runbook_files, contents.postmortem_files) == (4, 2, 1)


def test_an_empty_file_counts_for_nothing() -> None:
    contents = survey([TreeFile("README.md", 0), TreeFile("tests/test_a.py", 0)])
    assert not contents.has_readme
    assert contents.test_files == 0


def test_no_path_keeps_the_survey_busy() -> None:
    paths = ["tests/" * 170 + "x", "docs/" * 200 + "y", "a/" * 500 + "Jenkinsfile", "x" * 1_000 + ".spec"]
    assert survey(TreeFile(path, 1) for path in paths * 500).test_files == 0


@pytest.mark.parametrize(
    "path",
    ["vendor/a.go", "web/node_modules/b.js", "poetry.lock", "package-lock.json", "a.min.js", "data.csv", "n.ipynb"],
)
def test_what_machines_make_is_not_blamed(path: str) -> None:
    assert blameable([TreeFile(path, 10, 10)]) == []


def test_files_are_drawn_the_same_way_each_time_and_a_smaller_draw_is_part_of_a_larger() -> None:
    files = [TreeFile(f"src/{number}.py", 1, 1) for number in range(50)]
    assert sample(files, 10) == sample(files[::-1], 10)
    assert sample(files, 10)[:4] == sample(files, 4)
    assert len(sample(files, 100)) == 50

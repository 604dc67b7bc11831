"""What kinds of file a project holds, told by their paths: CI, containers, tests, documents.

By path alone, so it is cheap, deterministic and easy to argue with. That a file is there is observed; that it runs, or
is any good, is not: reviewers and, later, probes say that. Expressions see a path or one name in it, and take time in
proportion to its length.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.project_submissions.domain.repository import TreeFile

_CI_PATHS: Final = {
    "GitHub Actions": re.compile(r"\.github/workflows/[^/]+\.ya?ml"),
    "GitLab CI": re.compile(r"\.gitlab-ci\.ya?ml|\.gitlab/ci/.+\.ya?ml"),
    "CircleCI": re.compile(r"\.circleci/config\.ya?ml"),
    "Azure Pipelines": re.compile(r"\.?azure-pipelines?[^/]*\.ya?ml|\.azuredevops/.+\.ya?ml"),
    "Travis CI": re.compile(r"\.travis\.ya?ml"),
    "Bitbucket Pipelines": re.compile(r"bitbucket-pipelines\.ya?ml"),
    "Buildkite": re.compile(r"\.buildkite/[^/]+\.ya?ml"),
    "Woodpecker or Drone": re.compile(r"\.(?:woodpecker|drone)(?:/[^/]+)?\.ya?ml"),
    "Forgejo or Gitea Actions": re.compile(r"\.(?:forgejo|gitea)/workflows/[^/]+\.ya?ml"),
    "Jenkins": re.compile(r"(?:[^/]+/){0,3}Jenkinsfile(?:\.[^/]+)?"),
    "a .ci folder": re.compile(r"\.ci/.+"),
}
_CONTAINER: Final = re.compile(
    r"(?:docker|container)file(?:\.[^/]+)?|[^/]+\.(?:docker|container)file|(?:docker-)?compose(?:\.[^/]+)?\.ya?ml",
    re.IGNORECASE,
)
_TEST: Final = re.compile(
    r"test_.+\.py|.+_test\.(?:py|go|dart|c|cc|cpp|exs?)|.+\.(?:test|spec)\.[cm]?[jt]sx?|.+_spec\.(?:rb|lua)"
    r"|.*(?:Tests?|Spec|IT)\.(?:java|kt|scala|groovy|cs|swift|php)|.+\.(?:bats|feature)"
)
_TEST_FOLDERS: Final = frozenset({"test", "tests", "__tests__", "spec", "specs"})
_CODE: Final = re.compile(r".+\.(?:py|[cm]?[jt]sx?|rs|go|java|kt|scala|rb|php|c|cc|cpp|cs|swift|sh|exs?|sql)")
_NO_TESTS: Final = frozenset({"__init__.py", "conftest.py"})
_PROSE: Final = re.compile(r".+\.(?:md|rst|adoc|txt|html|ipynb)", re.IGNORECASE)
_PAGE: Final = re.compile(r".+\.(?:md|rst|adoc)", re.IGNORECASE)
_DOCUMENT_FOLDERS: Final = frozenset({"doc", "docs"})
_README: Final = re.compile(r"readme(?:\.[^/]+)?", re.IGNORECASE)
_RUNBOOK: Final = re.compile(r".*(?:runbook|playbook).*", re.IGNORECASE)
_POSTMORTEM: Final = re.compile(r".*(?:post-?mortem|incident-report).*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a tree holds: counts of files, CI by the name of its system. A file may count as several things."""

    ci_files: dict[str, int]
    container_files: int
    test_files: int
    document_files: int
    runbook_files: int
    postmortem_files: int
    has_readme: bool


def survey(files: Iterable[TreeFile]) -> Contents:
    """Return what the paths of `files` say; empty files count for nothing."""
    paths = [file.path for file in files if file.size]
    split = [(parts[:-1], parts[-1]) for parts in (path.split("/") for path in paths)]
    ci = Counter(system for path in paths for system, form in _CI_PATHS.items() if form.fullmatch(path))
    return Contents(
        ci_files=dict(sorted(ci.items())),
        container_files=sum(_CONTAINER.fullmatch(name) is not None for _, name in split),
        test_files=sum(_is_test(folders, name) for folders, name in split),
        document_files=sum(_is_document(folders, name) for folders, name in split),
        runbook_files=sum(_is_prose_about(_RUNBOOK, folders, name) for folders, name in split),
        postmortem_files=sum(_is_prose_about(_POSTMORTEM, folders, name) for folders, name in split),
        has_readme=any(not folders and _README.fullmatch(name) for folders, name in split),
    )


def _is_test(folders: list[str], name: str) -> bool:
    if name in _NO_TESTS:
        return False
    if _TEST.fullmatch(name):
        return True
    return not _TEST_FOLDERS.isdisjoint(folders) and _CODE.fullmatch(name) is not None


def _is_document(folders: list[str], name: str) -> bool:
    is_in_docs = bool(folders) and folders[0].lower() in _DOCUMENT_FOLDERS
    form = _PROSE if is_in_docs else _PAGE
    return (is_in_docs or not folders) and form.fullmatch(name) is not None


def _is_prose_about(topic: re.Pattern[str], folders: list[str], name: str) -> bool:
    return _PROSE.fullmatch(name) is not None and any(topic.fullmatch(part) for part in (*folders, name))

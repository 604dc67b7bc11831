"""From a repository to evidence: which figures are found, on whose word each rests, and how they read.

Every summary says in the same breath what it does not show. None names a person; addresses are counted.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from services.project_submissions.domain.authorship import commits_by_identity, share_of
from services.project_submissions.domain.contents import Contents, survey
from services.project_submissions.domain.evidence import Basis, Evidence, Finding, Kind
from services.project_submissions.domain.history import History, analyse
from services.project_submissions.domain.repository import Repository


def gather(repository: Repository, author_emails: Collection[str], received_at: datetime) -> tuple[Evidence, ...]:
    """Return all evidence in a repository that came at `received_at`, in the order of `Kind`.

    author_emails: the addresses under which the submitter says to have committed.
    """
    history, contents = analyse(repository.commits), survey(repository.files)
    found = [
        _observed_history(history, received_at),
        _declared_history(history),
        _authorship(repository, author_emails),
    ]
    return (*found, *_contents(contents))


def authorship_share(repository: Repository, author_emails: Collection[str]) -> float:
    """Return the submitter's share of the surviving lines; of the commits where no line could be ascribed."""
    counts = repository.lines_by_identity or commits_by_identity(repository.commits)
    return share_of(author_emails, counts)


def _observed_history(history: History, received_at: datetime) -> Evidence:
    findings = {
        "commits": history.commit_count,
        "merges": history.merge_count,
        "signatures_unchecked": history.signature_count,
        "insertions": history.insertion_count,
    }
    summary = (
        f"The bundle received on {received_at:%Y-%m-%d} holds {_count(history.commit_count, 'commit')}, "
        f"{history.merge_count} of them merges; {history.signature_count} carry a signature that was not checked."
    )
    return Evidence(Kind.HISTORY, Basis.OBSERVED, findings, summary)


def _declared_history(history: History) -> Evidence:
    findings = {
        "span_days": round(history.span_days, 2),
        "active_days": history.active_days,
        "busiest_day_share": round(history.busiest_day_share, 4),
        "parent_edges": history.parent_edges,
        "clock_order_violations": history.clock_order_violations,
    }
    summary = (
        f"By the commits' own dates the work spans {_count(round(history.span_days), 'day')} with commits on "
        f"{history.active_days}; the busiest bears {history.busiest_day_share:.0%} of the commits, and "
        f"{history.clock_order_violations} of {_count(history.parent_edges, 'step')} run backwards in time."
    )
    return Evidence(Kind.HISTORY, Basis.DECLARED, findings, summary)


def _authorship(repository: Repository, author_emails: Collection[str]) -> Evidence:
    commits = commits_by_identity(repository.commits)
    commit_share, line_share = share_of(author_emails, commits), share_of(author_emails, repository.lines_by_identity)
    findings = {
        "commit_share": round(commit_share, 4),
        "line_share": round(line_share, 4),
        "lines": sum(repository.lines_by_identity.values()),
        "identities": len({*commits, *repository.lines_by_identity}),
        "blamed_files": repository.blamed_files,
        "blameable_files": repository.blameable_files,
    }
    summary = (
        f"The names in the commits credit the submitter with {commit_share:.0%} of the commits and {line_share:.0%} of "
        f"the lines in {repository.blamed_files} of {_count(repository.blameable_files, 'text file')}; "
        f"the history names {_count(findings['identities'], 'address', 'addresses')} in all."
    )
    return Evidence(Kind.AUTHORSHIP, Basis.DECLARED, findings, summary)


def _contents(contents: Contents) -> list[Evidence]:
    """Return evidence of each kind of file that the tree holds."""
    found = [_ci(contents), _container(contents), _tests(contents), _docs(contents)]
    return [evidence for evidence in found if any(evidence.findings.values())]


def _ci(contents: Contents) -> Evidence:
    count = _count(sum(contents.ci_files.values()), "file")
    summary = f"CI is configured for {', '.join(contents.ci_files)} in {count}; that it ran is not shown."
    return Evidence(Kind.CI, Basis.OBSERVED, dict(contents.ci_files), summary)


def _container(contents: Contents) -> Evidence:
    count = _count(contents.container_files, "container file")
    summary = f"The tree holds {count}; that a container builds or runs is not shown."
    return Evidence(Kind.CONTAINER, Basis.OBSERVED, {"files": contents.container_files}, summary)


def _tests(contents: Contents) -> Evidence:
    count = _count(contents.test_files, "test file")
    summary = f"The tree holds {count} by the usual layouts; that the tests pass is not shown."
    return Evidence(Kind.TESTS, Basis.OBSERVED, {"files": contents.test_files}, summary)


def _docs(contents: Contents) -> Evidence:
    findings: dict[str, Finding] = {
        "has_readme": contents.has_readme,
        "documents": contents.document_files,
        "runbooks": contents.runbook_files,
        "postmortems": contents.postmortem_files,
    }
    summary = (
        f"The tree holds {'a' if contents.has_readme else 'no'} README, {_count(contents.document_files, 'document')}, "
        f"{_count(contents.runbook_files, 'runbook')} and {_count(contents.postmortem_files, 'postmortem')}; "
        "that they are true or of use is not shown."
    )
    return Evidence(Kind.DOCS, Basis.OBSERVED, findings, summary)


def _count(number: Finding, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"

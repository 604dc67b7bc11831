"""Whose work it is by the names in the commits: shares of commits, and of the lines that are still there.

A share is computed exactly and proves nothing about who typed: anybody can commit under any name. It says who is
credited, which a reviewer can ask about.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from services.project_submissions.domain.repository import Commit, TreeFile
from shared.kernel.hashing import sha256

BLAME_LINES_MAX: Final = 20_000
"""Lines of a file that is still blamed; a longer one was generated more often than written."""

_MADE_BY_MACHINES: Final = re.compile(
    r"(?:^|/)(?:node_modules|vendor|third_party|dist|build|\.venv|venv|site-packages|__pycache__)/"
    r"|(?:^|/)(?:package-lock\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|uv\.lock|Pipfile\.lock|Cargo\.lock|go\.sum)$"
    r"|\.(?:min\.(?:js|css)|map|csv|tsv|jsonl|ipynb|svg|lock)$",
    re.IGNORECASE,
).search


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Return each count as a share of all: 0 … 1 each, 1 in sum; nothing where there is nothing to share."""
    total = sum(counts.values())
    return {key: count / total for key, count in counts.items()} if total else {}


def commits_by_identity(commits: Iterable[Commit]) -> dict[str, int]:
    """Return how many commits each author's key has; merges count as any other commit."""
    return dict(Counter(commit.author.key for commit in commits))


def share_of(identities: Collection[str], counts: Mapping[str, int]) -> float:
    """Return which share of `counts` belongs to `identities` together; 0 where there is nothing to share."""
    mine = {identity.strip().lower() for identity in identities}
    total = sum(counts.values())
    return sum(count for key, count in counts.items() if key in mine) / total if total else 0.0


def blameable(files: Iterable[TreeFile]) -> list[TreeFile]:
    """Return the text files that people wrote, by path: not vendored, generated, locked or data."""
    written = (file for file in files if 0 < file.lines <= BLAME_LINES_MAX and not _MADE_BY_MACHINES(file.path))
    return sorted(written, key=lambda file: file.path)


def sample(files: Sequence[TreeFile], files_max: int) -> list[TreeFile]:
    """Return at most `files_max` of `files`, in the order of their paths' hashes.

    So no folder is preferred, a part of the sample is a sample too, and whoever has the bundle draws the same one.
    """
    return sorted(files, key=lambda file: sha256(file.path.encode("utf-8", "replace")))[:files_max]

"""Real repositories and bundles, made with git, and bad ones made by hand."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ADA = ("Ada", "ada@example.org")
BEN = ("Ben", "Ben@Example.org")
DAY = 86_400
START = 1_767_225_600
"""2026-01-01T00:00:00Z."""


class Workshop:
    """A repository with a work tree, and the bundles that are made of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, stdin: bytes = b"", environment: dict[str, str] | None = None) -> str:
        """Run git here and return what it prints."""
        bare = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=bare | (environment or {}),
            input=stdin,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode("utf-8", "replace").strip()

    def commit(
        self, files: dict[str, str | bytes], author: tuple[str, str] = ADA, days: float = 0.0, message: str = "work"
    ) -> str:
        """Write `files`, commit them as `author`, `days` after START, and return the commit's id."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message, environment=self.who(author, days))
        return self.git("rev-parse", "HEAD")

    def who(self, author: tuple[str, str] = ADA, days: float = 0.0) -> dict[str, str]:
        """Return the environment by which git takes somebody at some time for author and committer."""
        at = f"{START + round(days * DAY)} +0100"
        roles = ("AUTHOR", "COMMITTER")
        names = {
            f"GIT_{role}_{what}": value for role in roles for what, value in zip(("NAME", "EMAIL"), author, strict=True)
        }
        return names | {f"GIT_{role}_DATE": at for role in roles}

    def bundle(self, *what: str) -> Path:
        """Return a bundle of `what`, by default of HEAD and main."""
        path = self.folder.parent / "work.bundle"
        self.git("bundle", "create", "--quiet", str(path), *(what or ("HEAD", "main")))
        return path

    def tree(self, entries: list[tuple[str, str, str]]) -> str:
        """Store a tree of (mode, name, id), however wrong, and return its id."""
        raw = b"".join(f"{mode} {name}".encode() + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
        return self.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=raw)

    def blob(self, content: bytes) -> str:
        """Store a blob and return its id."""
        return self.git("hash-object", "-w", "--stdin", stdin=content)

    def commit_tree(self, tree: str) -> str:
        """Make main a commit of `tree` without a parent, and return its id."""
        sha = self.git("commit-tree", "-m", "work", tree, environment=self.who())
        self.git("update-ref", "refs/heads/main", sha)
        return sha

    def commit_object(self, content: str) -> str:
        """Make main a commit object with this content, however wrong, and return its id."""
        sha = self.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=content.encode())
        self.git("update-ref", "refs/heads/main", sha)
        return sha

"""The documents a build carries: skill framework, rules for claims, calibration releases, read as they were published.

A release is immutable: a changed parameter is a new file under a new name. The domain parses; this only reads.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

_RELEASE: Final = "release-"


def framework_document() -> bytes:
    """Return the bytes of the skill framework this build carries."""
    return files(__name__).joinpath("framework.json").read_bytes()


def claim_rules_document() -> bytes:
    """Return the bytes of the rules for claims this build carries."""
    return files(__name__).joinpath("claim-rules.json").read_bytes()


def roles_document() -> bytes:
    """Return the bytes of the role profiles this build carries."""
    return files(__name__).joinpath("roles.json").read_bytes()


def release_documents() -> dict[str, bytes]:
    """Return the bytes of every calibration release this build carries, by name, such as "0"."""
    found = {entry.name: entry for entry in files(__name__).iterdir() if entry.name.startswith(_RELEASE)}
    return {
        name.removeprefix(_RELEASE).removesuffix(".json"): entry.read_bytes() for name, entry in sorted(found.items())
    }


def release_document(name: str) -> bytes:
    """Return the bytes of the calibration release `name`. Raises FileNotFoundError when there is none."""
    return files(__name__).joinpath(f"{_RELEASE}{name}.json").read_bytes()

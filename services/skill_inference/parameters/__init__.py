"""The documents a build carries: the skill framework and the calibration releases, read as they were published.

A release is immutable: a changed parameter is a new file under a new name. The domain parses; this only reads.
"""

from __future__ import annotations

from importlib.resources import files


def framework_document() -> bytes:
    """Return the bytes of the skill framework this build carries."""
    return files(__name__).joinpath("framework.json").read_bytes()


def release_document(name: str) -> bytes:
    """Return the bytes of the calibration release `name`, such as "0". Raises FileNotFoundError when there is none."""
    return files(__name__).joinpath(f"release-{name}.json").read_bytes()

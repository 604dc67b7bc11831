"""The achievements this build issues credentials for, as a document that ships with the code.

An achievement is the issuer's own word for a skill: the ids and meanings are those of the skill framework (a contract
test holds them together), and of its alignments only those that are exact or close, for a credential says no how-far.
"""

from __future__ import annotations

from importlib.resources import files


def achievements_document() -> bytes:
    """Return the bytes of the achievements this build knows."""
    return files(__name__).joinpath("achievements.json").read_bytes()

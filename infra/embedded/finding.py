"""One thing that was looked at, and what is thought of it.

*fine*, *wrong* (something must be done), or a *note*: a limit of embedded mode that is good to know.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

Judgement: TypeAlias = Literal["fine", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found. limit: what it is held against; next: what to do, or where growth leads; empty when nothing."""

    area: str
    name: str
    judgement: Judgement
    value: str
    limit: str = ""
    next: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the finding for programs."""
        return asdict(self)


def fine(area: str, name: str, value: str, limit: str = "", next_step: str = "") -> Finding:
    """Return what is as it should be."""
    return Finding(area, name, "fine", value, limit, next_step)


def note(area: str, name: str, value: str, limit: str = "", next_step: str = "") -> Finding:
    """Return what is good to know and wrong in nothing."""
    return Finding(area, name, "note", value, limit, next_step)


def wrong(area: str, name: str, value: str, limit: str = "", next_step: str = "") -> Finding:
    """Return what must be mended."""
    return Finding(area, name, "wrong", value, limit, next_step)


def judged(is_fine: bool, area: str, name: str, value: str, limit: str = "", mend: str = "") -> Finding:
    """Return what is fine or wrong; `mend` is said only of what is wrong."""
    return fine(area, name, value, limit) if is_fine else wrong(area, name, value, limit, mend)


def megabytes(count: int) -> str:
    """Return bytes for people: MB below ten thousand, else GB."""
    return f"{count / 2**20:.0f} MB" if count < 10_000 * 2**20 else f"{count / 2**30:.0f} GB"

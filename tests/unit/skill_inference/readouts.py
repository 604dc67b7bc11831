"""Readouts written by hand, for tests that need one and no fit."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from services.skill_inference.domain.readout import AFTER, CODE_SIZES, FORM, NUMBERS
from services.skill_inference.domain.release import Release, parse_release
from tests.unit.skill_inference.people import release_text

DECADE = 315_360_000.0
"""In seconds."""


def readout_text(tasks: dict[str, float], after_success: float = 0.0, pause: float = DECADE) -> dict[str, Any]:
    """A readout of the state's logit and of these tasks' own weights; and by how much more after a success.

    pause: the seconds after the last try within which it serves.
    """
    rows = {task: [weight, *[0.0] * (AFTER - 1), after_success] for task, weight in tasks.items()}
    return {
        "form": FORM,
        "middles": [0.0] * NUMBERS,
        "widths": [1.0] * NUMBERS,
        "numbers": [0.0, 1.0, *[0.0] * (NUMBERS - 2)],
        "codes": [0.0] * sum(CODE_SIZES),
        "tasks": rows,
        "skills": {},
        "transitions": [],
        "pause_seconds_max": pause,
    }


def sent_readout(name: str, readout: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Release 0 under another name with this readout, as it is sent."""
    raw = json.dumps(readout)
    document = {**release_text(), **members, "name": name}
    document["annexes"] = {"readout": hashlib.sha256(raw.encode()).hexdigest()}
    return {"document": document, "annexes": {"readout": raw}}


def with_readout(readout: dict[str, Any], **members: Any) -> Release:
    """Release 0 with this readout."""
    sent = sent_readout("read", readout, **members)
    annexes = {name: raw.encode() for name, raw in sent["annexes"].items()}
    return parse_release(json.dumps(sent["document"]).encode()).with_annexes(annexes)

"""Where a release is put with all that speaks for and against it: a folder of its own, never written over.

Readable by its owner alone: leniencies of reviewers and estimates of people are in it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.skill_inference.calibration.changes import Change, changes_csv, changes_summary
from services.skill_inference.calibration.making import Made
from services.skill_inference.calibration.reliability import calibration_error, reliability_diagram
from services.skill_inference.calibration.serving import Judged, Serving
from services.skill_inference.calibration.told_marks import Scale
from shared.kernel import canonical_json
from shared.kernel.errors import Conflict


def require_new(folder: Path) -> None:
    """Have a folder there with nothing in it. Raises Conflict where something is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Conflict(f"{folder} holds something, and nothing is written over; name another folder: --out")


def write_folder(folder: Path, made: Made, found: Sequence[Change]) -> dict[str, Any]:
    """Have written the release, its annexes, its reliability and whom it moves; return what it comes to."""
    release = made.written.release
    summary: dict[str, Any] = {
        "release": release.id,
        "outcomes": made.outcomes,
        "reviews": made.reviews,
        "kept": list(made.kept),
        "changes": changes_summary(found),
    }
    files = {f"release-{release.id}.json": made.written.document}
    files |= {f"{name}-{release.annexes[name]}.json": raw for name, raw in made.written.annexes.items()}
    if made.bins:
        error = calibration_error(made.bins)
        summary["calibration_error"] = error
        bins: dict[str, Any] = {"bins": [one._asdict() for one in made.bins], "calibration_error": error}
        files["reliability.json"] = canonical_json.dumps(bins)
        files["reliability.png"] = reliability_diagram([(release.id, made.bins)])
    if made.told:
        summary["told_marks"] = [_scale(one) for one in made.told]
    if made.serving is not None:
        summary["readout"] = _readout(made.serving)
    if made.serving is not None and made.serving.judged is not None:
        files |= _served(made.serving.judged)
    files["changes.json"] = canonical_json.dumps({**summary, "estimates": [one._asdict() for one in found]})
    files["changes.csv"] = changes_csv(found).encode()
    for name, raw in files.items():
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(raw)
    return {**summary, "files": sorted(files)}


def _readout(serving: Serving) -> dict[str, Any]:
    """Return whether there is a readout, and how well it and the state did for people held out."""
    found: dict[str, Any] = {"is_written": serving.annex is not None, "reason": serving.reason}
    judged = serving.judged
    if judged is not None:
        held_out = {"people": judged.people, "outcomes": judged.outcomes}
        found["held_out"] = held_out | {"state": judged.state._asdict(), "served": judged.served._asdict()}
    return found


def _scale(scale: Scale) -> dict[str, Any]:
    """Return whether marks of one scale are told by cut points, and how well those agree."""
    found: dict[str, Any] = {"highest_mark": scale.top, "marks": scale.marks, "people": scale.people}
    found |= {"is_written": scale.cuts is not None, "reason": scale.reason}
    return found if scale.judged is None else found | {"agreement": scale.judged._asdict()}


def _served(judged: Judged) -> dict[str, bytes]:
    """Return whether chances of people held out came true, by the state and as served."""
    lines = [("state", judged.state_bins), ("served", judged.served_bins)]
    bins = {name: [one._asdict() for one in those] for name, those in lines}
    return {"served.json": canonical_json.dumps(bins), "served.png": reliability_diagram(lines)}

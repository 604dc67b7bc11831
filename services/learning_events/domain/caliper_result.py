"""What came of a Caliper event: the score that was generated, the attempt's duration (Caliper 1.1 §3.5, B.6, C.42)."""

from __future__ import annotations

from typing import Any, Final

from services.learning_events.domain.faults import Faults
from services.learning_events.domain.formats import check_duration

_NUMBERS: Final = {
    "Score": ("scoreGiven", "maxScore"),
    "Result": ("normalScore", "totalScore", "maxResultScore", "resultScore"),
}
_DONE: Final = frozenset({"Completed", "Submitted"})


def check_measures(entity: Any, pointer: str, faults: Faults) -> None:
    """List what keeps the scores and the duration of an entity, and of the attempt it is of, from being read."""
    if type(entity) is not dict:
        return
    for name in _NUMBERS.get(str(entity.get("type")), ()):
        value = entity.get(name)
        if value is not None and type(value) not in (int, float):
            faults.add_wrong(f"{pointer}/{name}", value, "a number", "Send a bare number, not a string.")
    if entity.get("type") == "Attempt" and entity.get("duration") is not None:
        check_duration(entity["duration"], f"{pointer}/duration", faults)
    check_measures(entity.get("attempt"), f"{pointer}/attempt", faults)


def score_of(generated: Any) -> tuple[float | None, float | None] | None:
    """Return points and the most there are, each None where it is not said; None for what is no score."""
    if type(generated) is not dict or generated.get("type") not in _NUMBERS:
        return None
    if generated["type"] == "Score":
        return generated.get("scoreGiven"), generated.get("maxScore")
    given = next(
        (generated[name] for name in ("resultScore", "totalScore", "normalScore") if generated.get(name) is not None),
        None,
    )
    return given, generated.get("maxResultScore")


def result_of(action: str, generated: Any, attempt: dict[str, Any]) -> dict[str, Any]:
    """Return the Result of the statement; empty where nothing is said."""
    result: dict[str, Any] = {}
    score = score_of(generated)
    if score is not None and score[0] is not None:
        result["score"] = _score(score[0], score[1])
    if action in _DONE:
        result["completion"] = True
    if type(attempt.get("duration")) is str:
        result["duration"] = attempt["duration"]
    return result


def _score(given: float, most: float | None) -> dict[str, float]:
    """Return the score of `given` points of `most`. More than all points, for extra work, is all of them."""
    if most is None or most <= 0:
        return {"raw": given}
    if given < 0:
        return {"raw": given, "max": most}
    if given > most:
        return {"scaled": 1.0, "raw": given}
    return {"scaled": given / most, "raw": given, "min": 0, "max": most}

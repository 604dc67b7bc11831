"""Some hundred people drawn from a seed, and what is believed of each: every number by its bits.

Run as a program it prints them as JSON. It imports the domain alone, so that any Python 3.11 runs it, emulated or not.
Nothing is drawn but by `Random.random`, which Python promises to keep, so that everybody draws the same people.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple, TypeVar

from services.skill_inference import parameters
from services.skill_inference.domain.fold import Ledger
from services.skill_inference.domain.observation import Assurance, Mark, MarkSet, Observation, Outcome
from services.skill_inference.domain.release import Release, parse_release
from services.skill_inference.domain.response_fold import DAY
from services.skill_inference.domain.state import PersonState, level_at

SEED: Final = 20_260
PEOPLE_EACH: Final = 80
"""People a release."""
OBSERVATIONS_MAX: Final = 60
LATER: Final = int(200 * DAY)
"""How long after the last evidence a level is read too."""
START: Final = datetime(2024, 1, 1, tzinfo=UTC)
SKILLS: Final = ("skill.a", "skill.b", "skill.c", "skill.d")
PAUSES: Final = tuple(timedelta(days=days) for days in (0.0, 0.001, 1.0, 9.5, 40.0, 400.0))
KINDS: Final = (Assurance.AUTOMATED_CHECK, Assurance.AUTOMATED_CHECK, Assurance.SELF_ATTESTED, Assurance.SELF_CLAIM)
DIFFICULTIES: Final = (None, -2.5, -1.25, -0.3, None, 0.0, 0.4, 0.9, 1.6, 2.2, 3.1, None)
"""Of each task."""
EXP_ARGUMENTS: Final = 2_000
NUISANCES: Final = {
    "form_mean": -0.35,
    "form_variance": 0.66,
    "form_keep": 0.667,
    "form_rate": 0.05,
    "general_growth": 0.01,
    "deviation_growth": 0.02,
    "gain_success": 0.05,
    "gain_failure": -0.01,
    "familiar_variance": 0.2,
    "familiar_success": 0.3,
    "familiar_failure": -0.2,
    "familiar_rate": 0.1,
}
RELEASES: Final[Mapping[str, Mapping[str, Mapping[str, float]]]] = {
    "plain": {},
    "nuisances": {"curve": NUISANCES, "works": {"part_variance": 0.1}, "half_lives": {"skill.a": 90, "skill.b": 700}},
    "forgetful": {"curve": {"deviation_rate": 0.02, "general_drift_per_day": 0.01, "step_max": 0.3}},
}
"""What each release says otherwise than release 0: nothing, all that can be switched on, bounds that are reached."""

One = TypeVar("One")


class Person(NamedTuple):
    """Somebody drawn. is_late: half of what is known of them is told after the other half, though it was earlier."""

    name: str
    release: Release
    observations: Sequence[Observation]
    is_late: bool


def people() -> list[Person]:
    """Return everybody; every third has nothing but outcomes outside any work."""
    draw = Random(SEED).random
    return [
        Person(f"{name} {n}", release, _observations(draw, has_works=n % 3 != 0), n % 2 == 1)
        for name, release in releases().items()
        for n in range(PEOPLE_EACH)
    ]


def releases() -> dict[str, Release]:
    """Return the releases that people are read by, by name."""
    found = {}
    for name, changes in RELEASES.items():
        document = json.loads(parameters.release_document("0"))
        for section, numbers in changes.items():
            document[section].update(numbers)
        found[name] = parse_release(json.dumps(document).encode())
    return found


def numbers_of(person: Person) -> dict[str, list[float]]:
    """Return what is believed of a person: in each skill now and later, and of the last step what it moved."""
    state = _folded(person)
    if state.person is None:
        return {}
    *level, at = state.person
    found: dict[str, list[float]] = {"person": list(level)}
    for skill, belief in sorted(state.skills.items()):
        found[skill] = [belief.mean, belief.variance, *level_at(state, skill, person.release, at + LATER)]
    last = state.steps[-1]
    return found | {"last step": [last.general, *(moved for _, moved in last.skills)]}


def document() -> dict[str, Any]:
    """Return everything as JSON can hold it: numbers as hexadecimal floats, which name their bits."""
    everybody = people()
    drawn = repr([(one.name, one.release.id, one.is_late, one.observations) for one in everybody])
    return {
        "machine": machine(),
        "drawn": hashlib.sha256(drawn.encode()).hexdigest(),
        "arithmetic": arithmetic(),
        "folds": {
            one.name: {name: [number.hex() for number in numbers] for name, numbers in numbers_of(one).items()}
            for one in everybody
        },
    }


def arithmetic() -> str:
    """Return what tells machines apart where IEEE 754 leaves them free, by bits: `exp` at drawn places, and `sum`.

    The C library answers for `exp`. `sum` of floats adds one after another before Python 3.12, and compensates since.
    """
    draw = Random(SEED).random
    found = [math.exp(16.0 * draw() - 12.0) for _ in range(EXP_ARGUMENTS)]
    found.append(sum([0.1] * 10))
    return hashlib.sha256(" ".join(number.hex() for number in found).encode()).hexdigest()


def machine() -> dict[str, str]:
    """Return what computes here: processor, byte order and word, C library, interpreter."""
    word = f"{8 * struct.calcsize('P')} bits, {sys.byteorder} endian"
    return {
        "processor": platform.machine(),
        "word": word,
        "libc": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
    }


def _folded(person: Person) -> PersonState:
    if not person.is_late:
        return Ledger(person.observations, person.release).state()
    ledger = Ledger(person.observations[1::2], person.release)
    ledger.take(person.observations[::2])
    return ledger.state()


def _observations(draw: Callable[[], float], *, has_works: bool) -> list[Observation]:
    at, seen = START, list[Observation]()
    for n in range(1 + int(draw() * OBSERVATIONS_MAX)):
        at += _one_of(PAUSES, draw)
        what = draw() if has_works else 1.0
        work = f"work {int(draw() * 5)}" if what < 0.4 else None
        if work is not None and what < 0.25:
            seen.append(_marks(draw, n, at, work))
        else:
            seen.append(_outcome(draw, n, at, work))
    return seen


def _outcome(draw: Callable[[], float], n: int, at: datetime, work: str | None) -> Outcome:
    shown = {_one_of(SKILLS, draw): 0.2 + draw() for _ in range(1 + int(draw() * 3))}
    task = int(draw() * len(DIFFICULTIES))
    return Outcome(
        occurred_at=at,
        source="drawn",
        sequence=n + 1,
        fact=f"fact {n}",
        task=f"task {task}",
        skills=tuple(shown.items()),
        result=_one_of((0.0, 1.0, 1.0, draw()), draw),
        assurance=_one_of(KINDS, draw),
        difficulty=DIFFICULTIES[task],
        work=work,
    )


def _marks(draw: Callable[[], float], n: int, at: datetime, work: str) -> MarkSet:
    marks = tuple(Mark(f"criterion of {skill}", skill, int(draw() * 6)) for skill in SKILLS if draw() < 0.6)
    return MarkSet(
        occurred_at=at,
        source="drawn",
        sequence=n + 1,
        fact=f"fact {n}",
        work=work,
        reviewer=f"reviewer {int(draw() * 4)}",
        marks=marks or (Mark("criterion of skill.a", SKILLS[0], int(draw() * 6)),),
    )


def _one_of(things: Sequence[One], draw: Callable[[], float]) -> One:
    return things[int(draw() * len(things))]


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1)

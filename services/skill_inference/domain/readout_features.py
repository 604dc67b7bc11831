"""What the served prediction looks at besides the state: how the last tasks went, in O(skills of the task) an outcome.

Everything is read before the outcome is seen and kept up after it, so it is what a streaming service knows. Plain
Python on anything that can be indexed: the service runs it on lists, calibration compiles the same source.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from typing import Final, NamedTuple

from services.skill_inference.domain.response_fold import DAY, LN_2, Log

RATES: Final = (0.6, 0.85, 0.97)
"""By how much an earlier outcome counts less with each later one, in the running success rates."""
HALF_LIVES_DAYS: Final = (1.0 / 24.0, 1.0, 7.0, 30.0)
"""Of the counts of successes and tries that fade with time."""
PRIOR_RATE: Final = 0.65
SECOND: Final = 1e6
PERSON_CODES: Final = 364
"""Of a person's last five outcomes: 0 is none yet; then base three, 1 a failure, 2 a success."""
SKILL_CODES: Final = 40
"""Of the last three of a skill."""
TASK_CODES: Final = 13
"""Of the last two of a task."""
LAST_CODES: Final = 3
NUMBERS: Final = 34
"""Numbers an outcome, apart from the codes and the counts by skill."""

WON, TRIED, STREAK, SAME_SKILL = 6, 7, 8, 9
"""Places in `Habits.person`; before them three fading sums of successes, then three of tries."""
WHOLE: Final = frozenset(
    {"trail", "skill_met", "skill_code", "skill_at", "skill_seen", "task_met", "task_code", "task_seen"}
)
"""The columns of `Habits` that hold whole numbers."""
CODE, RECENT, LAST_TASK, LAST_SKILL, LAST_AT = 0, 1, 2, 3, 4
"""Places in `Habits.trail`."""


class Habits(NamedTuple):
    """Working store: of the person, and places a skill (six rates, eight fading counts) and a task.

    What a person left by skill and task is cleared when the next one begins.
    """

    person: MutableSequence[float]
    trail: MutableSequence[int]
    skill_met: MutableSequence[int]
    skill_rate: MutableSequence[float]
    skill_fading: MutableSequence[float]
    skill_wins: MutableSequence[float]
    skill_tries: MutableSequence[float]
    skill_code: MutableSequence[int]
    skill_at: MutableSequence[int]
    skill_seen: MutableSequence[int]
    task_met: MutableSequence[int]
    task_wins: MutableSequence[float]
    task_tries: MutableSequence[float]
    task_code: MutableSequence[int]
    task_seen: MutableSequence[int]


class Reading(NamedTuple):
    """What is known before each outcome: NUMBERS numbers, codes, the task before, and logs of wins and tries a skill.

    neighbour: 2 when the task is the one before, 1 when its skill is, else 0. last: how the one before went.
    """

    numbers: MutableSequence[float]
    person_code: MutableSequence[int]
    skill_code: MutableSequence[int]
    task_code: MutableSequence[int]
    neighbour: MutableSequence[int]
    last: MutableSequence[int]
    previous: MutableSequence[int]
    wins: MutableSequence[float]
    tries: MutableSequence[float]


def habit_sizes(skills: int, tasks: int) -> dict[str, int]:
    """Return how long each column of `Habits` is for so many skills and tasks, in the order of its fields."""
    sizes = {"person": 10, "trail": 5, "skill_rate": 6 * skills, "skill_fading": 8 * skills}
    return {name: sizes.get(name, skills if name.startswith("skill") else tasks) for name in Habits._fields}


def odds(rate: float) -> float:
    """Return the logit of a rate, which is first kept within .02 … .98."""
    rate = min(max(rate, 0.02), 0.98)
    return math.log(rate / (1.0 - rate))


def begin(first: int, last: int, log: Log, habits: Habits) -> None:
    """Have forgotten whoever came before, where outcomes first … last of this person will look."""
    for e in range(first, last):
        habits.task_met[log.task[e]] = 0
        for k in range(log.skill_from[e], log.skill_from[e + 1]):
            habits.skill_met[log.skill[k]] = 0
    for j in range(10):
        habits.person[j] = 0.0
    habits.trail[CODE] = 0
    habits.trail[RECENT] = 0
    habits.trail[LAST_TASK] = -1
    habits.trail[LAST_SKILL] = -1
    habits.trail[LAST_AT] = log.at[first]


def meet_task(i: int, e: int, habits: Habits) -> None:
    """Have a place for the task."""
    if habits.task_met[i] == 0:
        habits.task_met[i] = 1
        habits.task_wins[i] = 0.0
        habits.task_tries[i] = 0.0
        habits.task_code[i] = 0
        habits.task_seen[i] = e


def meet_skill(s: int, e: int, now: int, habits: Habits) -> bool:
    """Have a place for the skill, its counts faded to `now`; say whether it is met for the first time."""
    is_fresh = habits.skill_met[s] == 0
    if is_fresh:
        habits.skill_met[s] = 1
        habits.skill_wins[s] = 0.0
        habits.skill_tries[s] = 0.0
        habits.skill_code[s] = 0
        habits.skill_seen[s] = e
        for j in range(6 * s, 6 * s + 6):
            habits.skill_rate[j] = 0.0
        for j in range(8 * s, 8 * s + 8):
            habits.skill_fading[j] = 0.0
    elif now > habits.skill_at[s]:
        days = (now - habits.skill_at[s]) / DAY
        for j in range(4):
            fade = math.exp(-LN_2 * days / HALF_LIVES_DAYS[j])
            habits.skill_fading[8 * s + j] = habits.skill_fading[8 * s + j] * fade
            habits.skill_fading[8 * s + 4 + j] = habits.skill_fading[8 * s + 4 + j] * fade
    habits.skill_at[s] = now
    return is_fresh


def read_person_part(e: int, log: Log, habits: Habits, out: Reading) -> None:
    """Have written what is known before outcome e of the person and of the task."""
    numbers, person, d, i, now = out.numbers, habits.person, NUMBERS * e, log.task[e], log.at[e]
    for j in range(3):
        rate = (person[j] + PRIOR_RATE) / (person[3 + j] + 1.0)
        numbers[d + j] = rate
        numbers[d + 3 + j] = odds(rate)
    lag = math.log(1.0 + (now - habits.trail[LAST_AT]) / SECOND) if now > habits.trail[LAST_AT] else 0.0
    numbers[d + 12] = math.log(1.0 + habits.task_wins[i])
    numbers[d + 13] = math.log(1.0 + habits.task_tries[i])
    numbers[d + 14] = math.log(1.0 + person[WON])
    numbers[d + 15] = math.log(1.0 + person[TRIED])
    numbers[d + 16] = lag
    numbers[d + 17] = 1.0 if lag == 0.0 else 0.0
    numbers[d + 30] = math.log(1.0 + (e - habits.task_seen[i]))
    numbers[d + 31] = 1.0 / (1.0 + person[TRIED])
    numbers[d + 32] = math.log(1.0 + person[STREAK])
    numbers[d + 33] = math.log(1.0 + person[SAME_SKILL])


def read_skill_part(e: int, log: Log, habits: Habits, out: Reading) -> None:
    """Have written what is known before outcome e of the skills that its task shows, by their shares."""
    numbers, d, slow_rate = out.numbers, NUMBERS * e, out.numbers[NUMBERS * e + 2]
    for j in range(6, 12):
        numbers[d + j] = 0.0
    for j in range(18, 30):
        numbers[d + j] = 0.0
    for k in range(log.skill_from[e], log.skill_from[e + 1]):
        s, w = log.skill[k], log.share[k]
        is_fresh = meet_skill(s, e, log.at[e], habits)
        for j in range(3):
            successes, tries = habits.skill_rate[6 * s + j], habits.skill_rate[6 * s + 3 + j]
            numbers[d + 6 + j] += w * (successes + 2.0 * slow_rate) / (tries + 2.0)
        for j in range(8):
            numbers[d + 18 + j] += w * math.log(1.0 + habits.skill_fading[8 * s + j])
        out.wins[k] = math.log(1.0 + habits.skill_wins[s])
        out.tries[k] = math.log(1.0 + habits.skill_tries[s])
        numbers[d + 26] += w * out.wins[k]
        numbers[d + 27] += w * out.tries[k]
        numbers[d + 28] += w * math.log(1.0 + (e - habits.skill_seen[s]))
        numbers[d + 29] += w if is_fresh else 0.0
    for j in range(3):
        numbers[d + 9 + j] = odds(numbers[d + 6 + j])


def read_codes(e: int, log: Log, habits: Habits, out: Reading) -> None:
    """Have written how the last outcomes of person, skill and task went, and what came just before."""
    i, a, b = log.task[e], log.skill_from[e], log.skill_from[e + 1]
    lead = log.skill[a] if b > a else -1
    out.person_code[e] = habits.trail[CODE]
    out.skill_code[e] = habits.skill_code[lead] if lead >= 0 else 0
    out.task_code[e] = habits.task_code[i]
    is_same_skill = lead == habits.trail[LAST_SKILL]
    out.neighbour[e] = 2 if i == habits.trail[LAST_TASK] else (1 if is_same_skill else 0)
    out.last[e] = habits.trail[RECENT]
    out.previous[e] = habits.trail[LAST_TASK]


def remember_skills(e: int, log: Log, habits: Habits) -> None:
    """Have counted outcome e in the skills that its task shows."""
    y = log.result[e]
    won = 1 if y >= 0.5 else 0
    for k in range(log.skill_from[e], log.skill_from[e + 1]):
        s = log.skill[k]
        for j in range(3):
            habits.skill_rate[6 * s + j] = RATES[j] * habits.skill_rate[6 * s + j] + y
            habits.skill_rate[6 * s + 3 + j] = RATES[j] * habits.skill_rate[6 * s + 3 + j] + 1.0
        for j in range(4):
            habits.skill_fading[8 * s + j] += y
            habits.skill_fading[8 * s + 4 + j] += 1.0
        habits.skill_wins[s] += y
        habits.skill_tries[s] += 1.0
        habits.skill_code[s] = (habits.skill_code[s] * 3) % 27 + 1 + won
        habits.skill_seen[s] = e


def remember(e: int, log: Log, habits: Habits) -> None:
    """Have counted outcome e in the person and in its task."""
    y, i, person, trail = log.result[e], log.task[e], habits.person, habits.trail
    won = 1 if y >= 0.5 else 0
    lead = log.skill[log.skill_from[e]] if log.skill_from[e + 1] > log.skill_from[e] else -1
    for j in range(3):
        person[j] = RATES[j] * person[j] + y
        person[3 + j] = RATES[j] * person[3 + j] + 1.0
    person[WON] += y
    person[TRIED] += 1.0
    person[STREAK] = person[STREAK] + 1.0 if won == 1 else 0.0
    person[SAME_SKILL] = person[SAME_SKILL] + 1.0 if lead == trail[LAST_SKILL] else 0.0
    habits.task_code[i] = (habits.task_code[i] * 3) % 9 + 1 + won
    habits.task_wins[i] += y
    habits.task_tries[i] += 1.0
    habits.task_seen[i] = e
    trail[CODE] = (trail[CODE] * 3) % 243 + 1 + won
    trail[RECENT] = 1 + won
    trail[LAST_TASK] = i
    trail[LAST_SKILL] = lead
    trail[LAST_AT] = log.at[e]


def read_person(first: int, last: int, log: Log, habits: Habits, out: Reading) -> None:
    """Have written, for outcomes first … last of one person, what was known before each."""
    begin(first, last, log, habits)
    for e in range(first, last):
        meet_task(log.task[e], e, habits)
        read_person_part(e, log, habits, out)
        read_skill_part(e, log, habits, out)
        read_codes(e, log, habits, out)
        remember_skills(e, log, habits)
        remember(e, log, habits)


def read_everybody(starts: Sequence[int], log: Log, habits: Habits, out: Reading) -> None:
    """Have read each person, whose outcomes are starts[n] … starts[n + 1]; none is without."""
    for n in range(len(starts) - 1):
        read_person(starts[n], starts[n + 1], log, habits, out)


COMPILED: Final = (
    *("odds", "begin", "meet_task", "meet_skill", "read_person_part", "read_skill_part"),
    *("read_codes", "remember_skills", "remember", "read_person", "read_everybody"),
)
"""The functions above in the order in which each finds those it calls."""

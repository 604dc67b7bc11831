"""Selection rates and impact ratios by group, from a table that an employer brings. Pure: nothing is kept or sent.

The terms are those of New York City's rules for automated employment decision tools, 6 RCNY §5-300 and §5-301 (to Local
Law 144 of 2021), and of the Uniform Guidelines on Employee Selection Procedures, 29 CFR §1607.4:

    selection rate   the share of a group that was selected
    scoring rate     the share of a group whose score lies above the median score of the whole sample
    impact ratio     a group's rate divided by the highest rate of any group
    four fifths      an impact ratio below 0.8 is a reason to ask, and never a verdict: see the interval beside it

A group below 2 % of the sample may be left out of impact ratios and is still to be shown (§5-301); we also ask for five
people. People whose group is not known are counted and said, and are in no group.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, NamedTuple

from cli.bias_intervals import rate_interval, ratio_interval
from shared.kernel.errors import Rejected

FOUR_FIFTHS: Final = 0.8
SHARE_MIN: Final = 0.02
"""Of the sample; a smaller group sets no reference."""
PEOPLE_MIN: Final = 5
"""The same, however small the sample is."""
GROUPS_MAX: Final = 200
"""Groups of one attribute; a column with more is no attribute but a name or a number."""
JOINED: Final = " × "


class Person(NamedTuple):
    """One row: whether they were selected, and their group by attribute, "" where it is not known."""

    is_selected: bool
    groups: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """One group of one attribute. ratio: to the reference's rate; None where no group sets a reference.

    is_small: sets no reference, and no question is asked of it. is_below_four_fifths: the question is to be asked.
    """

    name: str
    people: int
    selected: int
    rate: float
    rate_interval: tuple[float, float]
    ratio: float | None
    ratio_interval: tuple[float, float] | None
    is_reference: bool
    is_small: bool
    is_below_four_fifths: bool


@dataclass(frozen=True, slots=True)
class Division:
    """The sample divided by one attribute, or by several at once. unknown: people whose group is not known."""

    attribute: str
    unknown: int
    reference: str | None
    groups: tuple[Group, ...]


def above_median(scores: Sequence[float]) -> tuple[float, list[bool]]:
    """Return the median of the sample, and for each score whether it lies above. scores: at least one."""
    median = statistics.median(scores)
    return median, [score > median for score in scores]


def divisions(people: Sequence[Person], attributes: Sequence[str], *, with_intersections: bool) -> list[Division]:
    """Return the sample by each attribute, and by each two of them when intersections are wanted.

    Raises Rejected for an attribute with more than GROUPS_MAX groups.
    """
    divided = [(name,) for name in attributes]
    pairs = list(combinations(attributes, 2)) if with_intersections else []
    return [division(people, names) for names in (*divided, *pairs)]


def division(people: Sequence[Person], attributes: Sequence[str]) -> Division:
    """Return the sample by these attributes taken together."""
    sizes, chosen = Counter[str](), Counter[str]()
    for person in people:
        own = [person.groups[name] for name in attributes]
        if all(own):
            sizes[JOINED.join(own)] += 1
            chosen[JOINED.join(own)] += person.is_selected
    name = JOINED.join(attributes)
    if len(sizes) > GROUPS_MAX:
        rule = f"it has {len(sizes)} different values where at most {GROUPS_MAX} are groups"
        raise Rejected.of(name, rule, "Name a column of groups, not of names or numbers.")
    known = sizes.total()
    reference = _reference(sizes, chosen, known)
    groups = tuple(_group(each, sizes, chosen, known, reference) for each in sorted(sizes))
    return Division(name, len(people) - known, reference, groups)


def below_four_fifths(found: Iterable[Division]) -> int:
    """Return of how many groups it is to be asked why they were selected so much less often."""
    return sum(group.is_below_four_fifths for each in found for group in each.groups)


def _is_small(size: int, known: int) -> bool:
    return size < PEOPLE_MIN or size < SHARE_MIN * known


def _reference(sizes: Counter[str], chosen: Counter[str], known: int) -> str | None:
    """Return the group that is selected most often, of the larger when two are; None when nobody is selected."""
    able = [name for name in sorted(sizes) if chosen[name] and not _is_small(sizes[name], known)]
    return max(able, key=lambda name: (chosen[name] / sizes[name], sizes[name]), default=None)


def _group(name: str, sizes: Counter[str], chosen: Counter[str], known: int, reference: str | None) -> Group:
    size, selected = sizes[name], chosen[name]
    ratio, interval = None, None
    if reference is not None:
        # Times before over, so that equal rates of different sizes give exactly 1.
        ratio = (selected * sizes[reference]) / (size * chosen[reference])
        if name != reference:
            interval = ratio_interval(selected, size, chosen[reference], sizes[reference])
    is_small = _is_small(size, known)
    return Group(
        name=name,
        people=size,
        selected=selected,
        rate=selected / size,
        rate_interval=rate_interval(selected, size),
        ratio=ratio,
        ratio_interval=interval,
        is_reference=name == reference,
        is_small=is_small,
        is_below_four_fifths=not is_small and ratio is not None and ratio < FOUR_FIFTHS,
    )

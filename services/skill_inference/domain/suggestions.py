"""Which skills an activity may show, guessed from its words: a help for whoever aligns it, never an alignment.

The words of an activity's id, and of its name where one is known, are compared with what the framework says of each
skill, and with the activities that the organisation aligned to it already. A word counts by how few skills it belongs
to and by where it was found. Labels of concepts that are only wider than a skill, or near it, are not read: they hold
for many skills ("Getting Information") and would hide the one that is meant.

    score = sum of what the shared words count / (that sum + HALFWAY)

The same words give the same suggestions, and each suggestion names the words it stands on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from services.skill_inference.domain.alignment import Target
from services.skill_inference.domain.framework import Framework, Skill

SUGGESTIONS_MAX: Final = 3
"""Skills suggested for one activity."""
SCORE_MIN: Final = 0.15
"""A suggestion below stands on a common word alone, and is not made."""
EXAMPLES_MAX: Final = 2_000
"""Aligned activities that are compared with, the first by id: some 40 ms to read."""
WORDS_MAX: Final = 64
"""Words of one activity that are read."""
HALFWAY: Final = 6.0
"""What shared words count for a score of one half: two rare words in a skill's name."""

WEIGHTS: Final[Mapping[str, float]] = {
    "name": 2.0,
    "alignment": 1.5,
    "example": 1.5,
    "description": 1.0,
    "anchor": 0.5,
}
"""What a word counts by where it was found: the skill's name or id, the label of a foreign concept aligned to it, an
activity aligned to it, its description, what its levels and its evidence are said to be."""

_TOLD: Final = frozenset({"exact", "close"})
"""Relations of an alignment whose label says what the skill is."""

_WORD: Final = re.compile(r"[^\W\d_]+")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SCHEME_AND_HOST: Final = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:(?://[^/?#]*)?")
_ENDINGS: Final = ("ations", "ation", "ments", "ings", "ing", "ment", "ers", "ies", "er", "ed", "es", "s", "y", "e")
_STEM_MIN: Final = 4
_NO_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        """
        a an and are as at be by do for from has have in into is it its not of on one or so that the their them they
        this to use used using what when where which who will with your
        activity answer assessment assignment block chapter course courses exam exercise homework html http https id
        item lecture lesson lms mod module page php problem question quiz section sequential task test type unit video
        view vertical week www xapi xblock
        """,
    )
)
"""Words that stand in ids and texts of every kind of activity, and tell no skill."""


class Suggestion(NamedTuple):
    """A skill that an activity may show. words: (word, where it was found), those that count most first."""

    skill: str
    score: float
    words: tuple[tuple[str, str], ...]


class Vocabulary:
    """The words of every skill. `aligned`: what the organisation's activities show already."""

    def __init__(self, framework: Framework, aligned: Mapping[str, Target]) -> None:
        self._places: dict[str, dict[str, str]] = {skill: {} for skill in framework.skills}
        for skill in framework.skills.values():
            for place, text in _texts(skill):
                self._learn(skill.id, place, text)
        for activity in sorted(aligned)[:EXAMPLES_MAX]:
            for name, _ in aligned[activity].skills:
                if name in self._places:
                    self._learn(name, "example", _path(activity))
        self._rarity = self._rarities()

    def suggest(self, activity: str, name: str = "") -> list[Suggestion]:
        """Return the skills that share enough words with the activity, best first, at most SUGGESTIONS_MAX."""
        words = list(dict.fromkeys((*_stems(name), *_stems(_path(activity)))))[:WORDS_MAX]
        found = [one for skill in self._places if (one := self._compare(skill, words)).score >= SCORE_MIN]
        return sorted(found, key=lambda one: (-one.score, one.skill))[:SUGGESTIONS_MAX]

    def _compare(self, skill: str, words: Iterable[str]) -> Suggestion:
        places = self._places[skill]
        shared = [(self._rarity[word] * WEIGHTS[places[word]], word) for word in words if word in places]
        shared.sort(key=lambda one: (-one[0], one[1]))
        count = math.fsum(one[0] for one in shared)
        score = round(count / (count + HALFWAY), 3)
        return Suggestion(skill, score, tuple((word, places[word]) for _, word in shared))

    def _learn(self, skill: str, place: str, text: str) -> None:
        places = self._places[skill]
        for word in _stems(text):
            if word not in places or WEIGHTS[place] > WEIGHTS[places[word]]:
                places[word] = place

    def _rarities(self) -> dict[str, float]:
        holders: dict[str, int] = {}
        for places in self._places.values():
            for word in places:
                holders[word] = holders.get(word, 0) + 1
        # Zero for a word of every skill.
        return {word: math.log(len(self._places) / count) for word, count in holders.items()}


def _texts(skill: Skill) -> Iterator[tuple[str, str]]:
    yield "name", skill.name
    yield "name", skill.id.partition(".")[2]
    yield "description", skill.description
    for concept in skill.alignments:
        if concept.relation in _TOLD:
            yield "alignment", concept.label
    for anchor in skill.anchors:
        yield "anchor", anchor
    for evidence in skill.evidence:
        yield "anchor", evidence.what


def _path(activity: str) -> str:
    """Return what follows scheme and host, percent-decoded: whose the activity is says nothing of what it shows."""
    return unquote(_SCHEME_AND_HOST.sub("", activity), errors="replace")


def _stems(text: str) -> Iterator[str]:
    for word in _WORD.findall(_HUMP.sub(" ", text)):
        lowered = word.lower()
        if len(lowered) > 1 and lowered not in _NO_WORDS:
            yield _stem(lowered)


def _stem(word: str) -> str:
    """Return the word without one ending of English, where enough is left to know it by."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM_MIN:
            return word.removesuffix(ending)
    # A plural of three letters and one: "apis".
    return word[:-1] if len(word) == _STEM_MIN and word.endswith("s") else word

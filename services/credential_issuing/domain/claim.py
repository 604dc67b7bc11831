"""What a credential says of a person, before it takes any form: a skill at a level, from what, under which rule.

The person appears by id only, and so does all evidence: names, mail addresses and contents stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from shared.kernel.errors import Rejected
from shared.kernel.hashing import HASH_SIZE
from shared.kernel.ids import PersonId

EVIDENCE_MAX: Final = 100
"""Items of evidence in one credential; more are summed up in the narrative by who calls."""
NARRATIVE_CHARACTERS_MAX: Final = 2_000

Grade = Literal["A", "B", "C"]


@dataclass(frozen=True, slots=True)
class Alignment:
    """The same skill in somebody's framework. `kind` is an Open Badges AlignmentTargetType."""

    name: str
    url: str
    framework: str
    code: str | None = None
    kind: str = "ceasn:Competency"


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill of our framework. `iri` names it for ever; `alignments` are those of other frameworks, such as ESCO."""

    iri: str
    code: str
    name: str
    description: str
    framework: str
    alignments: tuple[Alignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was looked at. `id` is a URI; `digest` is the SHA-256 of what it names, 32 bytes."""

    id: str
    name: str
    narrative: str
    grade: Grade
    digest: bytes


@dataclass(frozen=True, slots=True)
class RelatedResource:
    """Something else the credential binds by digest, such as the head of the person's record. `id` is a URI."""

    id: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said of the person: the level, how sure we are, from how much, and by which release and rule.

    probability: P(level >= `level`). interval_low, interval_high: 90 % interval of the skill, in logits.
    """

    person: PersonId
    skill: Skill
    level: int
    level_max: int
    probability: float
    interval_low: float
    interval_high: float
    works: int
    raters: int
    release: str
    rule: str
    criteria: str
    evidence: tuple[Evidence, ...]
    related: tuple[RelatedResource, ...] = ()

    def resources(self) -> tuple[RelatedResource, ...]:
        """Return everything the credential binds by digest: each item of evidence, then `related`."""
        return (*(RelatedResource(item.id, item.digest) for item in self.evidence), *self.related)

    def check(self) -> None:
        """Raise Rejected, with the pointer, for a claim that no credential can carry.

        That is: a level outside its scale, an id that is no absolute URI or stands twice, a digest that is no SHA-256,
        more than EVIDENCE_MAX items or a narrative over NARRATIVE_CHARACTERS_MAX.
        """
        if not 1 <= self.level <= self.level_max:
            raise Rejected.of("/level", f"level {self.level} of {self.level_max} is none", "Take one of the scale.")
        if len(self.evidence) > EVIDENCE_MAX:
            raise Rejected.of("/evidence", f"{len(self.evidence)} items, {EVIDENCE_MAX} at most", "Sum the rest up.")
        if any(len(item.narrative) > NARRATIVE_CHARACTERS_MAX for item in self.evidence):
            raise Rejected.of("/evidence", f"a narrative over {NARRATIVE_CHARACTERS_MAX} characters", "Shorten it.")
        resources = self.resources()
        ids = [resource.id for resource in resources]
        for uri in (self.skill.iri, *ids):
            require_uri(uri)
        if len(set(ids)) < len(ids):
            raise Rejected.of("/relatedResource", "an id stands twice", "Bind each resource once.")
        if any(len(resource.digest) != HASH_SIZE for resource in resources):
            raise Rejected.of("/relatedResource", "a digest is no SHA-256", f"Send its {HASH_SIZE} bytes.")


def require_uri(text: str) -> None:
    """Raise Rejected unless `text` is an absolute URI by its look."""
    if not urlsplit(text).scheme or any(character.isspace() for character in text):
        raise Rejected.of("", f"{text!r} is no absolute URI", "Begin it with a scheme.")

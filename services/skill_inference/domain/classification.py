"""Classifications of others that our skills and roles are aligned to: ESCO, O*NET and what may come.

Theirs change on their own calendar, so an alignment is to one version of a scheme, says how the foreign concept lies to
ours, and is never a key. Pure: read from sections of a published document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from services.skill_inference.domain.document import Section
from shared.kernel.errors import Rejected

Relation = Literal["exact", "close", "broad", "related"]
"""How our skill lies to the foreign concept: `broad` means the foreign one is the wider."""

_IDENTIFIER: Final = "{identifier}"


@dataclass(frozen=True, slots=True)
class Scheme:
    """A foreign classification we point to, in the version the alignments were made against.

    iri_template: the IRI of a concept, with `{identifier}` where its identifier stands.
    """

    id: str
    version: str
    acknowledgement: str
    iri_template: str

    def iri(self, identifier: str) -> str:
        """Return the IRI of the concept with this identifier."""
        return self.iri_template.replace(_IDENTIFIER, identifier)


@dataclass(frozen=True, slots=True)
class ForeignConcept:
    """A concept of another scheme that a skill is aligned to."""

    scheme: str
    identifier: str
    label: str
    relation: Relation


def read_scheme(section: Section) -> Scheme:
    """Return the foreign classification that a section describes."""
    scheme = Scheme(
        id=section.text("id", 40),
        version=section.text("version", 20),
        acknowledgement=section.text("acknowledgement"),
        iri_template=section.text("iri_template", 200),
    )
    if scheme.iri_template.count(_IDENTIFIER) != 1:
        raise Rejected.of(
            section.at("iri_template"), f"expected {_IDENTIFIER} once", "Put it where the identifier goes."
        )
    section.close()
    return scheme


def read_foreign_concept(section: Section) -> ForeignConcept:
    """Return the alignment that a section describes. Raises Rejected for a relation that is not known."""
    relation = read_relation(section)
    concept = ForeignConcept(section.text("scheme", 40), section.text("identifier"), section.text("label"), relation)
    section.close()
    return concept


def read_relation(section: Section) -> Relation:
    """Return the member `relation` of a section. Raises Rejected for one that is not known."""
    relations: dict[str, Relation] = {relation: relation for relation in get_args(Relation)}
    relation = relations.get(section.text("relation", 20))
    if relation is None:
        raise Rejected.of(section.at("relation"), "no such relation is known", f"Write one of {', '.join(relations)}.")
    return relation

"""An organisation's framework as a CASE 1.1 package (1EdTech Competencies and Academic Standards Exchange).

Skills are the items that no other item is a child of; what they are children of groups them. `exactMatchOf` with one of
our skills maps to it; `isRelatedTo` is kept as related, or read as close where the sender says that it is meant so.
What joins an item and a foreign concept becomes an alignment: a skill of ours that has the same one is suggested and
never taken. Rubrics bring levels and anchors. CASE says neither by what right texts are used nor which of our levels
theirs stand for, so the sender says both beside it. The form is not ours: members that are not read are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from services.skill_inference.domain.case_rubrics import read_rubrics
from services.skill_inference.domain.classification import ForeignConcept, Relation
from services.skill_inference.domain.organisation_framework import (
    ID_MAX,
    TEXT_MAX,
    Faults,
    Group,
    Likeness,
    OrganisationFramework,
    ReadFramework,
    Rights,
    TheirLevel,
    TheirSkill,
    check_whole,
)
from services.skill_inference.domain.skill_names import SkillNames
from services.skill_inference.domain.their_names import CASE
from shared.kernel.canonical_json import JsonValue
from shared.kernel.errors import Rejected

MEMBER: Final = "CFItems"
"""By this member a CASE package with a framework is known."""

ASSOCIATIONS_MAX: Final = 20_000
DEPTH_MAX: Final = 6
"""How deep items may lie in one another."""
NAME_MAX: Final = 200

_MAPPING: Final = frozenset({"exactMatchOf", "isRelatedTo"})
_ESCO: Final = "http://data.europa.eu/esco/"


class CaseReading(NamedTuple):
    """What the sender of a package says beside it. images: which of ours each of their levels stands for, in order.

    is_related_close: `isRelatedTo` one of our skills means `close`.
    """

    rights: Rights
    images: tuple[int, ...] = ()
    is_related_close: bool = False


def is_case_framework(document: JsonValue) -> bool:
    """Say whether this JSON document is a CASE package with items."""
    return isinstance(document, Mapping) and MEMBER in document


def parse_case_framework(document: JsonValue, names: SkillNames, reading: CaseReading) -> ReadFramework:
    """Return the framework of a package. Raises Rejected naming pointer, rule and mend of each fault."""
    faults = Faults()
    package = document if isinstance(document, Mapping) else {}
    items = _items(package, faults)
    associations = _listed(package, "CFAssociations")
    if len(associations) > ASSOCIATIONS_MAX:
        raise Rejected.of(
            "/CFAssociations", f"expected at most {ASSOCIATIONS_MAX} associations", "Split the framework."
        )
    read = _Associations(items, names, reading, faults)
    for index, association in enumerate(associations):
        read.take(association, f"/CFAssociations/{index}")
    read.check_tree()
    rubrics = read_rubrics(_listed(package, "CFRubrics"), _names_of(items), faults)
    levels = _levels(rubrics.levels, reading.images, faults)
    leaves = [item for item in items if item.identifier not in read.parents_of_any]
    # Anchors of levels whose number is at fault already would each be one more.
    anchors = rubrics.anchors if levels else {}
    framework = _framework(package, reading, levels, faults)
    skills = {item.id: read.skill(item, anchors.get(item.identifier, ())) for item in leaves}
    groups = tuple(Group(item.id, item.name) for item in items if item.identifier in read.parents_of_any)
    whole = OrganisationFramework(*framework, groups, levels, skills)
    places = {item.id: item.at for item in leaves}
    check_whole(whole, places, faults)
    faults.close()
    return ReadFramework(whole, places, read.passed_over)


class _Item(NamedTuple):
    id: str
    identifier: str
    uri: str
    name: str
    description: str
    at: str


class _End(NamedTuple):
    identifier: str
    uri: str
    title: str
    target: str


def _items(package: Mapping[str, JsonValue], faults: Faults) -> list[_Item]:
    found: list[_Item] = []
    known: set[str] = set()
    for index, value in enumerate(_listed(package, MEMBER)):
        at = f"/{MEMBER}/{index}"
        item = _item(value, at)
        if item is None:
            rule = f"expected an item with identifier, uri and a fullStatement of at most {TEXT_MAX} characters"
            faults.add(at, rule, "Write these members of CFItem.")
        elif item.identifier in known or item.id in known:
            faults.add(at, "this identifier or humanCodingScheme stands twice", "Give every item its own.")
        else:
            known |= {item.identifier, item.id}
            found.append(item)
    return found


def _item(value: JsonValue, at: str) -> _Item | None:
    if not isinstance(value, Mapping):
        return None
    identifier, uri, statement = (_text(value, name) for name in ("identifier", "uri", "fullStatement"))
    name = _text(value, "abbreviatedStatement") or statement
    id_ = _text(value, "humanCodingScheme") or identifier
    if not identifier or not uri or not statement or len(statement) > TEXT_MAX or len(id_) > ID_MAX:
        return None
    return _Item(id_, identifier, uri, name[:NAME_MAX], statement, at)


class _Associations:
    """What the associations say of the items."""

    def __init__(self, items: list[_Item], names: SkillNames, reading: CaseReading, faults: Faults) -> None:
        self._names = names
        self._reading = reading
        self._faults = faults
        self._items = {name: item for item in items for name in (item.identifier, item.uri)}
        self._parents: dict[str, str] = {}
        self._mapping: dict[str, dict[str, Relation]] = {}
        self._alignments: dict[str, list[ForeignConcept]] = {}
        self.parents_of_any: set[str] = set()
        self.passed_over = 0

    def take(self, association: JsonValue, at: str) -> None:
        """Have what one association says, or its fault."""
        kind = _text(association, "associationType") if isinstance(association, Mapping) else ""
        ends = list(_ends(association)) if isinstance(association, Mapping) else []
        if not kind or len(ends) != 2:
            self._faults.add(at, "expected associationType and two nodes with uri", "Write a CFAssociation.")
            return
        first, second = (self._items.get(end.identifier) or self._items.get(end.uri) for end in ends)
        if kind == "isChildOf" and first is not None:
            self._child(first, second)
        elif kind in _MAPPING and (first is None) != (second is None):
            item, other = (first, ends[1]) if first is not None else (second, ends[0])
            if item is not None:
                self._match(item, other, kind, at)
        elif kind in _MAPPING and first is None:
            self._faults.add(at, "neither end is an item of this package", "Send the item along, or leave this out.")
        else:
            self.passed_over += 1

    def skill(self, item: _Item, anchors: tuple[str, ...]) -> TheirSkill:
        """Return the skill that an item is."""
        parent = self._items.get(self._parents.get(item.identifier, ""))
        mapping = tuple(Likeness(*one) for one in self._mapping.get(item.identifier, {}).items())
        itself = ForeignConcept(CASE, item.uri, item.name, "exact")
        alignments = (itself, *self._alignments.get(item.identifier, ()))
        group = "" if parent is None else parent.id
        return TheirSkill(item.id, item.name, item.description, group, anchors, mapping, alignments)

    def check_tree(self) -> None:
        """Have named each item that lies too deep, or in a circle."""
        for identifier in self._parents:
            depth, above = 1, self._parents.get(identifier)
            while above is not None and depth <= DEPTH_MAX:
                depth, above = depth + 1, self._parents.get(above)
            if depth > DEPTH_MAX:
                rule = f"isChildOf leads round in a circle, or more than {DEPTH_MAX} deep"
                self._faults.add(self._items[identifier].at, rule, "Take one of the associations away.")

    def _child(self, child: _Item, parent: _Item | None) -> None:
        # An item whose parent is no item is a child of the document.
        if parent is not None:
            self._parents.setdefault(child.identifier, parent.identifier)
            self.parents_of_any.add(parent.identifier)

    def _match(self, item: _Item, other: _End, kind: str, at: str) -> None:
        related: Relation = "close" if self._reading.is_related_close else "related"
        ours = self._names.own(other.uri)
        if ours is not None:
            self._mapping.setdefault(item.identifier, {})[ours] = "exact" if kind == "exactMatchOf" else related
        elif other.target.startswith("ext:") or other.uri.startswith(_ESCO):
            scheme = other.target.removeprefix("ext:")[:40] if other.target.startswith("ext:") else "ESCO"
            relation: Relation = "exact" if kind == "exactMatchOf" else "related"
            concept = ForeignConcept(scheme, other.uri, other.title or other.uri, relation)
            self._alignments.setdefault(item.identifier, []).append(concept)
        else:
            rule = "one end is no item of this package, no skill of ours and of no scheme that is named"
            self._faults.add(at, rule, "Write the IRI of our skill, or the scheme as targetType, such as ext:ESCO.")


def _framework(
    package: Mapping[str, JsonValue], reading: CaseReading, levels: tuple[TheirLevel, ...], faults: Faults
) -> tuple[str, str, Rights, str, str]:
    document = package.get("CFDocument")
    document = document if isinstance(document, Mapping) else {}
    name = _text(document, "title")
    if not 0 < len(name) <= NAME_MAX:
        faults.add("/CFDocument/title", f"expected a text of 1 to {NAME_MAX} characters", "Write the title.")
    licence = document.get("licenseURI")
    return (
        name,
        _text(document, "language") or "en",
        reading.rights,
        _text(licence, "uri") if isinstance(licence, Mapping) else "",
        ", ".join(text for text in (_text(document, "creator"), _text(document, "publisher")) if text),
    )


def _levels(names: tuple[str, ...], images: tuple[int, ...], faults: Faults) -> tuple[TheirLevel, ...]:
    if len(names) != len(images):
        rule = f"the rubrics have {len(names)} levels, and {len(images)} levels of ours are named for them"
        faults.add("levels", rule, "Add ?levels= with a level of ours (0 to 5) for each, lowest first.")
        return ()
    return tuple(TheirLevel(name, ours) for name, ours in zip(names, images, strict=True))


def _names_of(items: list[_Item]) -> Mapping[str, str]:
    return {name: item.identifier for item in items for name in (item.identifier, item.uri)}


def _ends(association: Mapping[str, JsonValue]) -> Iterator[_End]:
    for name in ("originNodeURI", "destinationNodeURI"):
        node = association.get(name)
        if isinstance(node, Mapping) and _text(node, "uri"):
            yield _End(*(_text(node, member) for member in ("identifier", "uri", "title", "targetType")))


def _listed(package: Mapping[str, JsonValue], name: str) -> list[JsonValue]:
    value = package.get(name, [])
    if not isinstance(value, list):
        raise Rejected.of(f"/{name}", "expected a list", "Send a CFPackage of CASE 1.1.")
    return value


def _text(value: Mapping[str, JsonValue], name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) and len(text) <= TEXT_MAX and "\0" not in text else ""

"""CASE packages as a CASE 1.1 provider answers them: every entity by its kind and its identifier.

Inside a package an entity leaves out what the package says for all; alone it names its document (`CFDocumentURI`), and
a document its package (`CFPackageURI`). Pure: packages in, answers out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from services.skill_inference.domain.case_package import CASE_PATH, Entity

KINDS: Final = (
    "CFDocuments",
    "CFPackages",
    "CFItems",
    "CFItemAssociations",
    "CFAssociations",
    "CFItemTypes",
    "CFRubrics",
    "CFRubricCriteria",
)
"""What is answered by its identifier; the last is ours, because criteria have IRIs that must resolve."""


class CaseRegister:
    """All entities of some packages of one origin."""

    def __init__(self, packages: Iterable[Entity], origin: str) -> None:
        self._origin = origin.rstrip("/")
        self._found: dict[tuple[str, str], Entity] = {}
        self._documents: list[Entity] = []
        for package in packages:
            self._take(package)

    def documents(self) -> Entity:
        """Return the answer that lists every document."""
        return {"CFDocuments": self._documents}

    def entity(self, kind: str, identifier: str) -> Entity | None:
        """Return the answer for one entity, None where there is none of this kind and identifier."""
        return self._found.get((kind, identifier))

    def _take(self, package: Entity) -> None:
        document = package["CFDocument"]
        identifier = document["identifier"]
        uri = f"{self._origin}{CASE_PATH}/CFPackages/{identifier}"
        alone = document | {"CFPackageURI": {"title": document["title"], "identifier": identifier, "uri": uri}}
        self._documents.append(alone)
        self._found["CFDocuments", identifier] = alone
        self._found["CFPackages", identifier] = package
        link = {"CFDocumentURI": {"title": document["title"], "identifier": identifier, "uri": document["uri"]}}
        for kind, entity in _entities(package):
            self._found[kind, entity["identifier"]] = entity | link if kind in _LINKED else entity
        for item in package["CFItems"]:
            own = [one for one in package["CFAssociations"] if item["identifier"] in _ends(one)]
            answer = {"CFItem": item | link, "CFAssociations": [one | link for one in own]}
            self._found["CFItemAssociations", item["identifier"]] = answer


_LINKED: Final = frozenset({"CFItems", "CFAssociations"})


def _entities(package: Entity) -> Iterator[tuple[str, Entity]]:
    for kind in ("CFItems", "CFAssociations"):
        for entity in package[kind]:
            yield kind, entity
    for entity in package["CFDefinitions"]["CFItemTypes"]:
        yield "CFItemTypes", {"identifier": entity["identifier"], "CFItemTypes": [entity]}
    for rubric in package.get("CFRubrics", ()):
        yield "CFRubrics", rubric
        for criterion in rubric["CFRubricCriteria"]:
            yield "CFRubricCriteria", criterion


def _ends(association: Entity) -> tuple[str, str]:
    return association["originNodeURI"]["identifier"], association["destinationNodeURI"]["identifier"]

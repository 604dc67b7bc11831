"""Two contracts that import-linter lacks: "these modules import only …" and "these are imported only by …".

A list of what is forbidden ages: the next driver, the next impure module of the standard library is on nobody's list.
A list of what is allowed does not. Both look at direct imports, take wildcards, and hold for rooms not built yet:
where nothing matches, nothing is wrong. In pyproject.toml:

    type = "only"            source_modules   who is bound; each may always import what its own package holds
                             allowed          packages they may import, with all that is in them. "stdlib" is the
                                              standard library, "pure-stdlib" the part that touches nothing (PURE)
    type = "only-by"         guarded_modules  what is guarded
                             importers        packages that may import it
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

_PURE = """
    __future__ abc base64 binascii bisect calendar collections contextlib copy csv dataclasses datetime decimal difflib
    enum fnmatch fractions functools graphlib gzip hashlib heapq hmac html io ipaddress itertools json keyword math
    numbers operator posixpath re statistics string struct textwrap types typing unicodedata urllib uuid zlib
"""
PURE: Final = frozenset(_PURE.split())
"""Calls of `datetime` and `uuid` that read clock or chance are banned by ruff; of `urllib`, `parse` alone is meant."""

_NAMED: Final = {"pure-stdlib": PURE, "stdlib": sys.stdlib_module_names}


@dataclass(frozen=True, slots=True)
class Trespass:
    """One import that a contract does not allow."""

    importer: str
    imported: str
    lines: tuple[int, ...]

    def __str__(self) -> str:
        where = ", ".join(f"l.{line}" for line in self.lines)
        return f"- {self.importer} -> {self.imported} ({where})"


class OnlyContract(Contract):
    """Is kept when bound modules import nothing but their own package and what is allowed."""

    type_name = "only"

    source_modules = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Return whether the contract is kept, with every trespass in the metadata."""
        allowed = [each for name in cast("list[str]", self.allowed) for each in _NAMED.get(name, (name,))]
        return _checked(
            _trespass(graph, importer, imported)
            for package in _matching(graph, cast("list[str]", self.source_modules))
            for importer in sorted(_contents(graph, package))
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not lies_in(imported, {package, *allowed})
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each trespass on a line."""
        _render(check)


class OnlyByContract(Contract):
    """Is kept when nothing but its own package and the named importers imports a guarded module."""

    type_name = "only-by"

    guarded_modules = fields.ListField(subfield=fields.StringField())
    importers = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Return whether the contract is kept, with every trespass in the metadata."""
        trusted = set(_matching(graph, cast("list[str]", self.importers)))
        return _checked(
            _trespass(graph, importer, imported)
            for package in _matching(graph, cast("list[str]", self.guarded_modules))
            for imported in sorted(_contents(graph, package))
            for importer in sorted(graph.find_modules_that_directly_import(imported))
            if not lies_in(importer, {package, *trusted})
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each trespass on a line."""
        _render(check)


def lies_in(module: str, packages: Iterable[str]) -> bool:
    """Say whether `module` is one of `packages` or something in one of them."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _matching(graph: ImportGraph, expressions: Iterable[str]) -> list[str]:
    found = {
        module
        for expression in expressions
        for module in (graph.find_matching_modules(expression) if "*" in expression else {expression} & graph.modules)
    }
    return sorted(found)


def _contents(graph: ImportGraph, package: str) -> set[str]:
    """Return the package and what is in it; of a package that is not ours the graph knows only the name."""
    return {package} if graph.is_module_squashed(package) else {package, *graph.find_descendants(package)}


def _trespass(graph: ImportGraph, importer: str, imported: str) -> Trespass:
    details = graph.get_import_details(importer=importer, imported=imported)
    return Trespass(importer, imported, tuple(sorted(detail["line_number"] for detail in details)))


def _checked(trespasses: Iterator[Trespass]) -> ContractCheck:
    found = list(trespasses)
    return ContractCheck(kept=not found, metadata={"trespasses": found})


def _render(check: ContractCheck) -> None:
    for trespass in check.metadata["trespasses"]:
        output.print_error(str(trespass), bold=False)
    output.new_line()

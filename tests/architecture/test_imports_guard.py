"""Who may import whom is guarded: each contract in pyproject.toml barks at a seeded violation, and only then."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.house import BIN, ROOT, build_tiny_house, lay, said_by, settings


class Violation(NamedTuple):
    """An import that a contract must refuse, and the words that show it was this one."""

    contract: str
    file: str
    source: str
    importer: str
    imported: str


def seeded(contract: str, importer: str, imported: str) -> Violation:
    return Violation(contract, importer.replace(".", "/") + ".py", f"import {imported}\n", importer, imported)


VIOLATIONS = [
    seeded("layers", "services.alpha.domain.level", "services.alpha.handlers"),
    seeded("layers", "services.alpha.handlers", "services.alpha.store"),
    seeded("layers", "services.alpha.handlers", "services.alpha.http"),
    seeded("layers", "services.alpha.store", "services.alpha.http"),
    seeded("layers", "services.alpha.http", "services.alpha.__main__"),
    seeded("independence", "services.alpha.handlers", "services.beta.handlers"),
    seeded("shared", "shared.kernel.clock", "services.alpha.handlers"),
    seeded("shared", "shared.runtime.postgres", "infra.embedded"),
    seeded("shared", "shared.events.event", "cli.main"),
    seeded("services", "services.alpha.http", "cli.main"),
    seeded("services", "services.alpha.__main__", "infra.embedded"),
    seeded("domain", "services.alpha.domain.level", "os"),
    seeded("domain", "services.alpha.domain.level", "random"),
    seeded("domain", "services.alpha.domain.level", "asyncio"),
    seeded("domain", "services.alpha.domain.level", "time"),
    seeded("domain", "services.alpha.domain.level", "asyncpg"),
    seeded("domain", "services.alpha.domain.level", "a_driver_nobody_heard_of"),
    seeded("domain", "services.alpha.domain.level", "shared.runtime.postgres"),
    seeded("domain", "services.alpha.domain.level", "shared.verifier.credential"),
    seeded("kernel", "shared.kernel.clock", "shared.runtime.postgres"),
    seeded("kernel", "shared.kernel.clock", "shared.events.event"),
    seeded("kernel", "shared.kernel.clock", "asyncio"),
    seeded("events", "shared.events.event", "shared.runtime.postgres"),
    seeded("verifier", "shared.verifier.credential", "shared.runtime.postgres"),
    seeded("verifier", "shared.verifier.credential", "pydantic"),
    seeded("client", "shared.client.spool", "shared.kernel.clock"),
    seeded("client", "shared.client.spool", "shared.runtime.postgres"),
    seeded("client", "shared.client.spool", "orjson"),
    seeded("runtime", "services.alpha.handlers", "shared.runtime.postgres"),
    seeded("arrays", "services.alpha.domain.level", "numpy"),
    seeded("arrays", "services.alpha.store", "scipy"),
    seeded("generated", "services.alpha.handlers", "deedlog"),
    seeded("generated", "services.alpha.store", "grpc"),
    seeded("sql", "services.alpha.http", "asyncpg"),
    seeded("sql", "services.alpha.handlers", "asyncpg"),
    seeded("kafka", "services.alpha.store", "aiokafka"),
    seeded("kafka", "services.alpha.http", "faststream"),
    seeded("http", "services.alpha.handlers", "httpx"),
    seeded("http", "services.alpha.rpc", "starlette"),
]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    build_tiny_house(tmp_path)
    return tmp_path


def verdict(house: Path, contract: str | None = None) -> tuple[int, str]:
    only = ("--contract", contract) if contract else ()
    return said_by(BIN / "lint-imports", "--no-cache", *only, folder=house)


def test_a_lawful_house_is_met_with_silence(house: Path) -> None:
    code, said = verdict(house)
    assert code == 0, said


def test_every_contract_has_a_violation_that_is_seeded_here() -> None:
    contracts = {contract["id"] for contract in settings()["tool"]["importlinter"]["contracts"]}
    assert contracts == {violation.contract for violation in VIOLATIONS}


@pytest.mark.parametrize(
    "violation", VIOLATIONS, ids=lambda each: f"{each.contract}: {each.importer} to {each.imported}"
)
def test_the_guard_barks_at_a_seeded_import(house: Path, violation: Violation) -> None:
    lay(house, violation.file, violation.source)
    code, said = verdict(house, violation.contract)
    assert code == 1, said
    assert violation.importer in said
    assert violation.imported in said


@pytest.mark.parametrize(
    ("contract", "file", "source"),
    [
        ("domain", "services/newcomer/domain/rule.py", "import socket\n"),
        ("runtime", "services/newcomer/handlers.py", "import shared.runtime.postgres\n"),
        ("layers", "services/newcomer/domain/rule.py", "import services.newcomer.handlers\n"),
        ("layers", "services/newcomer/utilities.py", ""),
        ("independence", "services/newcomer/handlers.py", "import services.alpha.handlers\n"),
        ("sql", "services/newcomer/rpc.py", "import asyncpg\n"),
        ("generated", "services/newcomer/handlers.py", "import deedlog\n"),
    ],
)
def test_a_new_service_is_guarded_from_its_first_line(house: Path, contract: str, file: str, source: str) -> None:
    lay(house, "services/newcomer/__init__.py", "")
    lay(house, "services/newcomer/domain/__init__.py", "")
    lay(house, "services/newcomer/handlers.py", "")
    lay(house, file, source)
    code, said = verdict(house, contract)
    assert code == 1, said
    assert "newcomer" in said


def test_an_import_hidden_in_a_function_is_seen(house: Path) -> None:
    lay(house, "services/alpha/domain/level.py", "def late() -> None:\n    import os\n")
    code, said = verdict(house, "domain")
    assert code == 1, said
    assert "services.alpha.domain.level -> os" in said


def test_this_repository_keeps_every_contract() -> None:
    code, said = verdict(ROOT)
    assert code == 0, said

"""The wheel of the verifier holds `deedlog.kernel` and `deedlog.verifier` only; the root project refuses to be one.

Built offline, without isolation, by the hatchling of this environment.
"""

from __future__ import annotations

import email
import re
import sys
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from tests.architecture.house import ROOT, said_by, settings

PROJECT = ROOT / "packaging" / "verifier"
LOAD_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import deedlog.kernel, deedlog.verifier
for package in (deedlog.kernel, deedlog.verifier):
    assert package.__file__.startswith(sys.argv[1]), package.__file__
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
strangers = {"shared", "services", "cli", "infra", "pydantic", "grpc", "asyncpg", "starlette"} & sys.modules.keys()
assert not strangers, strangers
"""


def build(project: Path, into: Path) -> tuple[int, str]:
    return said_by(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", into, folder=project)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    code, said = build(PROJECT, folder)
    assert code == 0, said
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_it_installs_kernel_and_verifier_under_our_own_name_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    rooms = {"/".join(name.split("/")[:2]) for name in names if ".dist-info/" not in name}
    assert rooms == {"deedlog/kernel", "deedlog/verifier"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_namespace_is_left_to_others(wheel: Path) -> None:
    assert "deedlog/__init__.py" not in zipfile.ZipFile(wheel).namelist()


def test_its_kernel_is_this_kernel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for room in ("kernel", "verifier"):
            ours = {path.name: path.read_bytes() for path in (ROOT / "shared" / room).glob("*.py")}
            theirs = {
                Path(name).name: archive.read(name)
                for name in archive.namelist()
                if name.startswith(f"deedlog/{room}/") and name.endswith(".py") and name.count("/") == 2
            }
            assert theirs == ours


def test_every_module_of_it_loads_without_the_server(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code, said = said_by(sys.executable, "-I", "-c", LOAD_ALL, tmp_path)
    assert code == 0, said


def test_it_asks_for_little_and_for_nothing_the_house_does_not(metadata: Message) -> None:
    asked = {re.sub(r"\s", "", each) for each in metadata.get_all("Requires-Dist", [])}
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert len(asked) == len(declared) <= 5
    assert set(declared) <= set(settings()["project"]["dependencies"])


def test_it_has_the_version_of_the_house(metadata: Message) -> None:
    assert metadata["Version"] == settings()["project"]["version"]


def test_it_carries_the_licence(wheel: Path, metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
        assert archive.read(name) == (ROOT / "LICENSE").read_bytes()


def test_the_root_project_refuses_to_be_a_wheel_and_says_what_to_build(tmp_path: Path) -> None:
    code, said = build(ROOT, tmp_path)
    assert code != 0
    assert "packaging/verifier" in said
    assert not list(tmp_path.glob("*.whl"))

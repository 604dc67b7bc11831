"""The wheel of the client holds `deedlog.client` and nothing else, and stands on httpx alone."""

from __future__ import annotations

import email
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.architecture.house import ROOT, said_by, settings

PROJECT = ROOT / "packaging" / "client"
LOAD_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import deedlog.client
assert deedlog.client.__file__.startswith(sys.argv[1]), deedlog.client.__file__
for module in pkgutil.iter_modules(deedlog.client.__path__, "deedlog.client."):
    importlib.import_module(module.name)
for name in deedlog.client.__all__:
    getattr(deedlog.client, name)
strangers = {"shared", "services", "cli", "infra", "pydantic", "grpc", "orjson", "deedlog.kernel"} & sys.modules.keys()
assert not strangers, strangers
"""


def built(folder: Path) -> Path:
    """Return the wheel, built into this folder by the hatchling of this environment."""
    code, said = said_by(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=PROJECT)
    assert code == 0, said
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


def test_it_installs_the_client_under_our_own_name_only(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {"/".join(name.split("/")[:2]) for name in names} == {"deedlog/client"}
    assert "deedlog/client/py.typed" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_its_client_is_this_client(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        ours = {f"deedlog/client/{path.name}": path.read_bytes() for path in (ROOT / "shared" / "client").glob("*.py")}
        assert {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")} == ours


def test_every_module_of_it_loads_without_the_house(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code, said = said_by(sys.executable, "-I", "-c", LOAD_ALL, tmp_path)
    assert code == 0, said


def test_it_asks_for_httpx_alone_has_the_version_of_the_house_and_carries_the_licence(wheel: Path) -> None:
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert len(declared) == 1
    assert set(declared) <= set(settings()["project"]["dependencies"])
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
        (licence,) = (name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert metadata["Version"] == settings()["project"]["version"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert [each.partition("<")[0].partition(">")[0] for each in metadata.get_all("Requires-Dist", [])] == ["httpx"]

"""Every published RFC 6962/9162 and subtree case holds, sound ones and spoilt ones alike.

The cases are transparency-dev/merkle's `testdata`. How size 0 is treated is said at the head of
shared/kernel/merkle.py; no case had to be left out.
"""

from __future__ import annotations

import base64
import json
import os
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from shared.kernel import merkle
from shared.kernel.errors import ProofRejected

DATA: Final = Path(os.environ.get("DEEDLOG_TEST_DATA", Path(__file__).resolve().parents[3].parent / "shared" / "data"))
ARCHIVE: Final = DATA / "vectors" / "merkle.tar.gz"

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason=f"the published Merkle cases are not at {ARCHIVE}")


def read_cases() -> dict[str, dict[str, Any]]:
    """Return the cases by their path below `merkle/`; none when the archive is absent."""
    if not ARCHIVE.exists():
        return {}
    with tarfile.open(ARCHIVE) as archive:
        return {
            member.name.removeprefix("merkle/"): json.load(reader)
            for member in sorted(archive.getmembers(), key=lambda each: each.name)
            if member.name.endswith(".json") and (reader := archive.extractfile(member)) is not None
        }


CASES: Final = read_cases()


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def check(kind: str, case: dict[str, Any]) -> None:
    proof = [raw(each) for each in case["proof"] or []]
    if kind == "inclusion":
        merkle.verify_inclusion(raw(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, raw(case["root"]))
    elif kind == "consistency":
        merkle.verify_consistency(case["size1"], case["size2"], raw(case["root1"]), raw(case["root2"]), proof)
    elif kind == "subtreeinclusion":
        leaf, root = raw(case["leafHash"]), raw(case["root"])
        merkle.verify_subtree_inclusion(leaf, case["leafIdx"], case["start"], case["end"], proof, root)
    else:
        roots = raw(case["root1"]), raw(case["root2"])
        merkle.verify_subtree_consistency(case["start"], case["end"], case["size"], *roots, proof)


@pytest.mark.parametrize("name", CASES)
def test_published_case_is_judged_as_published(name: str) -> None:
    case = CASES[name]
    kind = name.split("/", maxsplit=1)[0]
    if case["wantErr"]:
        with pytest.raises(ProofRejected):
            check(kind, case)
    else:
        check(kind, case)


def test_the_archive_holds_the_cases_we_think_it_holds() -> None:
    kinds = Counter(name.split("/")[0] for name in CASES)
    assert kinds == {"inclusion": 98, "consistency": 98, "subtreeinclusion": 204, "subtreeconsistency": 118}
    assert {case["wantErr"] for case in CASES.values()} == {True, False}

"""Whatever is done to the bytes of an honest presentation, nothing but its own content is ever accepted."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.credential_issuing.domain.presentation import presentation
from shared.kernel import canonical_json
from shared.verifier import TrustStore, verify
from tests.unit.verifier.house import (
    DID,
    NOW,
    STRANGER_KEY,
    TRUST,
    Record,
    credential,
    documented,
    file_of,
    good,
    issued_event,
    signed_list,
)

GOOD = good()
RAW = file_of(GOOD)


def accepted_content(raw: bytes, trust: TrustStore = TRUST) -> bytes | None:
    """Return, canonically, what a reader relies on after a valid verdict: all but what no signature is meant to cover.

    The DID document counts only by its pinned key, and lines of unknown witnesses in the checkpoint's note not at all.
    """
    if not verify(raw, trust, NOW).is_valid:
        return None
    whole: Any = canonical_json.loads(raw)
    relied_on = [whole["credential"], whole["status_list"], whole["record"]["event"], whole["record"]["head"]]
    return canonical_json.dumps(relied_on)


def test_no_flipped_byte_makes_other_content_acceptable() -> None:
    expected = accepted_content(RAW)
    assert expected is not None
    survivors = 0
    for place in range(len(RAW)):
        flipped = bytearray(RAW)
        flipped[place] ^= 1 << place % 8
        content = accepted_content(bytes(flipped))
        assert content in {None, expected}, f"byte {place} became {flipped[place]:#x} and other content was accepted"
        survivors += content is not None
    # What survives lies in parts no signature covers: the DID document's own contexts, names of methods nobody reads.
    assert survivors < len(RAW) // 20


@given(st.data())
def test_no_edit_of_bytes_makes_other_content_acceptable(data: st.DataObject) -> None:
    raw = bytearray(RAW)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        removed = data.draw(st.integers(0, 3))
        raw[place : place + removed] = data.draw(st.binary(max_size=3))
    assert accepted_content(bytes(raw)) in {None, accepted_content(RAW)}


def other_presentations() -> list[dict[str, Any]]:
    """Return honest presentations of other credentials of the same house, and one of a stranger's."""
    others = [credential(index=index) for index in (1, 2)]
    honest = [
        presentation(
            other.document, documented(), signed_list(frozenset({77})), Record(issued_event(other), seed=seed).proof()
        )
        for seed, other in enumerate(others)
    ]
    forged = credential(key=STRANGER_KEY)
    stranger = presentation(
        forged.document,
        documented(STRANGER_KEY),
        signed_list(key=STRANGER_KEY),
        Record(issued_event(forged), seed=9).proof(key=STRANGER_KEY),
    )
    return [*honest, stranger]


PILE = [GOOD, *other_presentations()]
WHOLE = {canonical_json.dumps(each["credential"]) for each in PILE[:-1]}


def paths(value: Any, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above, *(path for name, child in below for path in paths(child, (*above, name)))]


PATHS = [path for path in paths(GOOD) if path]


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@given(
    st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(PILE), st.sampled_from(PATHS)), min_size=1, max_size=4)
)
def test_no_patchwork_of_true_and_forged_parts_is_accepted_as_a_credential_nobody_issued(
    grafts: list[tuple[tuple[str | int, ...], dict[str, Any], tuple[str | int, ...]]],
) -> None:
    whole = copy.deepcopy(GOOD)
    for target, donor, source in grafts:
        try:
            graft, parent, last = copy.deepcopy(at(donor, source)), at(whole, target[:-1]), target[-1]
            if isinstance(parent, dict) == isinstance(last, str):
                parent[last] = graft
        except (KeyError, IndexError, TypeError):
            # An earlier graft took this place away.
            continue
    verdict = verify(file_of(whole), TRUST, NOW)
    if verdict.is_valid:
        assert canonical_json.dumps(whole["credential"]) in WHOLE
        assert whole["record"]["event"]["data"]["digest"] == verdict.about.digest  # type: ignore[union-attr]


@given(st.lists(st.sampled_from(["credential", "did_document", "status_list", "record"]), unique=True))
def test_a_stranger_s_parts_never_make_a_presentation_valid(members: list[str]) -> None:
    whole = {**GOOD, **{member: PILE[-1][member] for member in members}}
    trust = TRUST.with_issuer("did:web:other.example", STRANGER_KEY.multikey)
    assert verify(file_of(whole), trust, NOW).is_valid == (not members)
    assert DID != "did:web:other.example"


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_verifier(raw: bytes) -> None:
    assert not verify(raw, TRUST, NOW).is_valid


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(PATHS), JSON)
def test_no_member_of_any_shape_crashes_the_verifier(path: tuple[str | int, ...], value: Any) -> None:
    whole = copy.deepcopy(GOOD)
    at(whole, path[:-1])[path[-1]] = value
    content = accepted_content(file_of(whole))
    assert content in {None, accepted_content(RAW)}

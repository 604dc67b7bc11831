"""The global log takes head leaves only, signs what it holds, and proves each of them."""

from __future__ import annotations

import pytest

from services.record_log.domain.global_log import checkpoint, extend, growth_proof, head_proof
from shared.kernel.checkpoint import open_checkpoint
from shared.kernel.errors import Rejected
from shared.kernel.merkle import Frontier, Tree, leaf_hash, verify_consistency
from shared.kernel.record_leaf import HeadLeaf
from shared.kernel.signed_note import VerifierKey
from shared.kernel.signing import Ed25519Signer
from shared.kernel.tlog_proof import decode_tlog_proof, verify_tlog_proof

KEY = Ed25519Signer.from_seed(bytes(32))
ORIGIN = "deedlog.example/log"
KEYS = [VerifierKey(ORIGIN, KEY.public_key)]
HEADS = [HeadLeaf(bytes([n]) * 32, n + 1, bytes(32), bytes(32)).encode() for n in range(7)]


def test_heads_are_appended_in_order_and_their_nodes_told() -> None:
    first = extend(Frontier(), HEADS[:3])
    second = extend(first.frontier, HEADS[3:])
    assert (first.first_index, second.first_index, second.frontier.size) == (0, 3, 7)
    tree = Tree(leaf_hash(leaf) for leaf in HEADS)
    for node, value in (*first.nodes, *second.nodes):
        assert tree.fetch(*node) == value
    assert second.frontier.root() == tree.root()


def test_what_is_no_head_leaf_is_not_logged() -> None:
    for leaf in (b"", bytes(64), bytes(105), HEADS[0] + b"\0"):
        with pytest.raises(Rejected):
            extend(Frontier(), [HEADS[0], leaf])


def test_the_checkpoint_tells_origin_size_and_root_under_the_log_s_key() -> None:
    log = extend(Frontier(), HEADS).frontier
    signed = open_checkpoint(checkpoint(ORIGIN, log, KEY), KEYS)
    assert (signed.checkpoint.origin, signed.checkpoint.size) == (ORIGIN, 7)
    assert signed.checkpoint.root == log.root()


def test_a_log_that_holds_nothing_yet_has_a_checkpoint_too() -> None:
    assert open_checkpoint(checkpoint(ORIGIN, Frontier(), KEY), KEYS).checkpoint.size == 0


def test_every_head_is_proved_under_the_checkpoint() -> None:
    tree = Tree(leaf_hash(leaf) for leaf in HEADS)
    note = checkpoint(ORIGIN, extend(Frontier(), HEADS).frontier, KEY)
    for index, leaf in enumerate(HEADS):
        proof = decode_tlog_proof(head_proof(index, 7, tree.fetch, note))
        assert verify_tlog_proof(proof, leaf_hash(leaf), KEYS).checkpoint.size == 7


def test_a_head_beyond_the_checkpoint_has_no_proof() -> None:
    tree = Tree(leaf_hash(leaf) for leaf in HEADS)
    with pytest.raises(Rejected, match="there is no leaf 5"):
        head_proof(5, 5, tree.fetch, "")


def test_growth_is_proved_between_any_two_sizes() -> None:
    tree = Tree(leaf_hash(leaf) for leaf in HEADS)
    for old in range(1, 8):
        for new in range(old, 8):
            verify_consistency(old, new, tree.root(old), tree.root(new), growth_proof(old, new, tree.fetch))
    assert growth_proof(0, 7, tree.fetch) == ()

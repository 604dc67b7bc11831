"""A checkpoint reads back as it was written, and counts only under the key its origin names."""

from __future__ import annotations

from typing import Final

import pytest

from shared.kernel.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from shared.kernel.errors import Rejected, SignatureRejected
from shared.kernel.merkle import empty_root
from shared.kernel.signed_note import VerifierKey, sign_note
from shared.kernel.signing import Ed25519Signer
from shared.kernel.tree_shape import SIZE_MAX

SPEC_BODY: Final = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
LOG: Final = Ed25519Signer.from_seed(b"l" * 32)
KEY: Final = VerifierKey("log.example/1", LOG.public_key)
CHECKPOINT: Final = Checkpoint("log.example/1", 7, bytes(range(32)))


def test_example_of_the_specification_reads_back() -> None:
    checkpoint = parse_checkpoint(SPEC_BODY)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e")
    assert checkpoint.body() == SPEC_BODY


def test_extension_lines_are_kept_in_order() -> None:
    checkpoint = Checkpoint("log.example/1", SIZE_MAX, bytes(32), ("one", "two words"))
    assert parse_checkpoint(checkpoint.body()) == checkpoint


def test_signed_checkpoint_opens_under_the_key_named_like_its_origin() -> None:
    signed = open_checkpoint(sign_checkpoint(CHECKPOINT, LOG), [KEY])
    assert (signed.checkpoint, signed.signers) == (CHECKPOINT, ("log.example/1",))


def test_checkpoint_that_only_another_known_key_signed_is_refused() -> None:
    note = sign_note(CHECKPOINT.body(), "witness.example", LOG)
    with pytest.raises(SignatureRejected, match=r"signature of the log log\.example/1, got witness\.example"):
        open_checkpoint(note, [KEY, VerifierKey("witness.example", LOG.public_key)])


def test_known_log_cannot_speak_for_another_origin() -> None:
    note = sign_note(CHECKPOINT.body().replace("/1", "/2"), "log.example/1", LOG)
    with pytest.raises(SignatureRejected, match=r"log\.example/2"):
        open_checkpoint(note, [KEY])


def test_signed_text_that_is_no_checkpoint_is_refused() -> None:
    with pytest.raises(Rejected):
        open_checkpoint(sign_note("hello\n", "log.example/1", LOG), [KEY])


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n",
        "log\n7\n",
        SPEC_BODY[:-1],
        SPEC_BODY + "\n",
        SPEC_BODY + "extension without an end",
        SPEC_BODY.replace("example.com/behind-the-sofa", ""),
        SPEC_BODY.replace("20852163", "020852163"),
        SPEC_BODY.replace("20852163", "+20852163"),
        SPEC_BODY.replace("20852163", "-1"),
        SPEC_BODY.replace("20852163", "٣"),
        SPEC_BODY.replace("20852163", str(SIZE_MAX + 1)),
        SPEC_BODY.replace("20852163", "9" * 5000),
        SPEC_BODY.replace("20852163", "0"),
        SPEC_BODY.replace("q2I=", "q2J="),
        SPEC_BODY.replace("q2I=", "q2I"),
        SPEC_BODY.replace("CsUY", ""),
        SPEC_BODY.replace("\n", "\r\n"),
    ],
)
def test_spoilt_body_is_refused(body: str) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_checkpoint(body)
    assert refusal.value.faults


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 1, bytes(32), ()),
        ("a\nb", 1, bytes(32), ()),
        ("log", -1, bytes(32), ()),
        ("log", SIZE_MAX + 1, bytes(32), ()),
        ("log", 1, bytes(31), ()),
        ("log", 1, bytes(32), ("",)),
        ("log", 0, bytes(32), ()),
    ],
)
def test_values_that_would_not_read_back_are_refused(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(Rejected):
        Checkpoint(origin, size, root, extensions)


def test_empty_log_has_a_checkpoint_of_the_empty_root() -> None:
    checkpoint = Checkpoint("log", 0, empty_root())
    assert parse_checkpoint(checkpoint.body()) == checkpoint

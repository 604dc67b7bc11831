"""A note is believed under a known key's true signature, and in no other case."""

from __future__ import annotations

from typing import Final

import pytest

from shared.kernel.errors import Rejected, SignatureRejected, TooLarge, Unsupported
from shared.kernel.signed_note import (
    NOTE_CHARACTERS_MAX,
    SIGNATURES_MAX,
    VerifierKey,
    encode_base64,
    open_note,
    parse_vkey,
    sign_note,
)
from shared.kernel.signing import Ed25519Signer

# The example of the specification itself.
SPEC_VKEY: Final = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE: Final = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

LOG: Final = Ed25519Signer.from_seed(b"l" * 32)
WITNESS: Final = Ed25519Signer.from_seed(b"w" * 32)
LOG_KEY: Final = VerifierKey("log.example", LOG.public_key)
WITNESS_KEY: Final = VerifierKey("witness.example", WITNESS.public_key)
TEXT: Final = "first line\n\nlast line – after an empty one\n"
NOTE: Final = sign_note(TEXT, "log.example", LOG)
COSIGNED: Final = NOTE + sign_note(TEXT, "witness.example", WITNESS).removeprefix(TEXT + "\n")


def line_of(note: str) -> str:
    return note.rstrip("\n").rsplit("\n", 1)[1]


def test_example_of_the_specification_opens_under_its_vkey() -> None:
    key = parse_vkey(SPEC_VKEY)
    assert open_note(SPEC_NOTE, [key]).text == "This is an example message.\n"
    assert open_note(SPEC_NOTE, [key]).signers == ("example.com/foo",)
    assert str(key) == SPEC_VKEY


def test_note_carries_its_text_an_empty_line_and_a_signature() -> None:
    assert NOTE.startswith(TEXT + "\n— log.example ")
    assert NOTE.endswith("=\n")
    assert open_note(NOTE, [LOG_KEY]).text == TEXT


def test_every_known_signer_is_named_once_in_the_order_of_signatures() -> None:
    assert open_note(COSIGNED, [WITNESS_KEY, LOG_KEY]).signers == ("log.example", "witness.example")
    assert open_note(f"{COSIGNED}{line_of(NOTE)}\n", [LOG_KEY]).signers == ("log.example",)


def test_signature_of_an_unknown_key_is_passed_over() -> None:
    assert open_note(COSIGNED, [LOG_KEY]).signers == ("log.example",)
    assert open_note(COSIGNED, [WITNESS_KEY]).signers == ("witness.example",)


def test_unknown_key_of_a_known_name_is_passed_over_too() -> None:
    rotated = VerifierKey("log.example", WITNESS.public_key)
    with pytest.raises(SignatureRejected, match=r"expected a signature of log\.example"):
        open_note(NOTE, [rotated])


def test_unknown_signature_type_of_a_known_name_is_passed_over() -> None:
    cosignature = f"— log.example {encode_base64(b'abcd' + bytes(72))}\n"
    assert open_note(NOTE + cosignature, [LOG_KEY]).signers == ("log.example",)


def test_note_without_a_known_signature_is_refused() -> None:
    with pytest.raises(SignatureRejected, match="got 1 of other keys"):
        open_note(NOTE, [WITNESS_KEY])
    with pytest.raises(SignatureRejected, match="no key at all"):
        open_note(NOTE, [])


def test_one_false_signature_of_a_known_key_refuses_the_note_another_key_signed() -> None:
    false = f"— witness.example {encode_base64(WITNESS_KEY.id + bytes(64))}\n"
    assert open_note(NOTE + false, [LOG_KEY]).signers == ("log.example",)
    with pytest.raises(SignatureRejected, match=r"witness\.example does not hold"):
        open_note(NOTE + false, [LOG_KEY, WITNESS_KEY])


def test_signature_cannot_be_moved_under_another_text() -> None:
    with pytest.raises(SignatureRejected, match=r"log\.example does not hold"):
        open_note(NOTE.replace("first", "worst"), [LOG_KEY])


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "no signature\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n\n— ", "\n— ").replace("\n\n", "\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— log.example ", "— "),
        NOTE.replace("log.example", "log+example"),
        NOTE.replace("log.example", "log\u2003example"),
        NOTE.replace("=\n", "\n"),
        NOTE.replace("=\n", "= \n"),
        NOTE.replace("first", "fir\tst"),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("first", "fir\x00st"),
        NOTE.replace("first", "fir\ud800st"),
        NOTE + "— witness.example YWJjZA==\n",
    ],
)
def test_text_that_is_no_note_is_refused(spoilt: str) -> None:
    with pytest.raises(Rejected) as refusal:
        open_note(spoilt, [LOG_KEY])
    assert refusal.value.faults


def test_sixteen_signatures_are_read_and_too_many_or_too_long_refused() -> None:
    another = f"{line_of(COSIGNED)}\n"
    assert open_note(NOTE + another * 15, [LOG_KEY]).signers == ("log.example",)
    with pytest.raises(TooLarge):
        open_note(NOTE + another * SIGNATURES_MAX, [LOG_KEY])
    with pytest.raises(TooLarge):
        open_note("x" * NOTE_CHARACTERS_MAX + NOTE, [LOG_KEY])


@pytest.mark.parametrize("text", ["", "no newline at the end", "bell\a\n"])
def test_text_that_would_not_read_back_is_not_signed(text: str) -> None:
    with pytest.raises(Rejected):
        sign_note(text, "log.example", LOG)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "a\u00a0b"])
def test_key_name_that_would_not_read_back_is_refused(name: str) -> None:
    with pytest.raises(Rejected, match="key name"):
        VerifierKey(name, LOG.public_key)
    with pytest.raises(Rejected, match="key name"):
        sign_note(TEXT, name, LOG)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        SPEC_VKEY.replace("530d903a", "530D903A"),
        SPEC_VKEY.replace("530d903a", "530d903b"),
        SPEC_VKEY.replace("foo", "bar"),
        SPEC_VKEY[:-4],
        SPEC_VKEY + "=",
        SPEC_VKEY.replace("example.com/foo", ""),
    ],
)
def test_spoilt_vkey_is_refused(vkey: str) -> None:
    with pytest.raises(Rejected):
        parse_vkey(vkey)


def test_vkey_of_a_cosigner_is_not_spoken_yet() -> None:
    key = encode_base64(b"\x04" + bytes(32))
    with pytest.raises(Unsupported, match="got 04"):
        parse_vkey(f"witness.example+00000000+{key}")


def test_key_of_another_length_is_refused() -> None:
    with pytest.raises(Rejected, match="32 bytes"):
        VerifierKey("log.example", bytes(31))


def test_same_key_named_twice_is_one_key() -> None:
    assert open_note(NOTE, [LOG_KEY, parse_vkey(str(LOG_KEY))]).signers == ("log.example",)

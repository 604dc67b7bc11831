"""What is written in parts is read as it was, and nothing that is sent makes the reader fail otherwise than it says."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.multipart import PARTS_MAX, Part, read_parts, write_parts
from shared.kernel.errors import Rejected
from shared.kernel.hashing import hex_digest

CONTENTS = st.lists(st.one_of(st.binary(max_size=50), st.sampled_from([b"\r\n", b"--", b"\r\n--x", b"x"])), max_size=6)
BROKEN = st.lists(st.sampled_from([b"--x", b"\r\n", b"--", b"x", b"a: b", b":", b" ", b"\r\n\r\n"]), max_size=14)


@given(CONTENTS)
def test_parts_are_read_as_they_were_written(contents: list[bytes]) -> None:
    parts = [Part({"number": str(number)}, content) for number, content in enumerate(contents)]
    boundary = hex_digest(b"".join(contents))
    if not parts:
        return
    assert read_parts(write_parts(parts, boundary), boundary) == parts


@given(BROKEN)
def test_a_broken_body_is_refused_or_has_parts(pieces: list[bytes]) -> None:
    parts: list[Part] = []
    with suppress(Rejected):
        parts = read_parts(b"".join(pieces), "x")
    assert len(parts) <= PARTS_MAX

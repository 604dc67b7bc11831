"""Bodies in several parts (multipart/mixed, RFC 2046 §5.1): a statement's JSON, then the data of its attachments.

Read strictly, because two readers that find the parts at different places would store different things: a part ends at
a line that begins with the boundary, lines end with CRLF, and every header stands once. What comes before the first
boundary and after the last is ignored, as the RFC has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.kernel.errors import Rejected, TooLarge

PARTS_MAX: Final = 101
"""Parts of one body: the statements, and the data of 100 attachments."""
HEADER_BYTES_MAX: Final = 4_096
"""Bytes of the headers of one part."""

_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]").fullmatch
_MEND: Final = "Send the parts as RFC 2046 §5.1 has them, with CRLF and the boundary of the Content-Type header."


@dataclass(frozen=True, slots=True)
class Part:
    """One part. headers: by name in lower case."""

    headers: Mapping[str, str]
    content: bytes


def read_parts(body: bytes, boundary: str | None) -> list[Part]:
    """Return the parts of a body. Raises Rejected for what is none in parts, TooLarge for more than PARTS_MAX."""
    if boundary is None or _BOUNDARY(boundary) is None:
        rule = "multipart/mixed names no boundary of 1 to 70 characters"
        raise Rejected.of("content-type", rule, "Send multipart/mixed; boundary=…, as RFC 2046 §5.1.1 has it.")
    found = _cut(b"\r\n" + body, b"\r\n--" + boundary.encode())
    return [_part(index, raw) for index, raw in enumerate(found)]


def write_parts(parts: Iterable[Part], boundary: str) -> bytes:
    """Return a body of these parts. The boundary must stand in none of them."""
    lines = []
    for part in parts:
        headers = "".join(f"{name}: {value}\r\n" for name, value in part.headers.items())
        lines += [f"--{boundary}\r\n{headers}\r\n".encode(), part.content, b"\r\n"]
    return b"".join([*lines, f"--{boundary}--\r\n".encode()])


def _cut(body: bytes, delimiter: bytes) -> list[bytes]:
    """Return what stands between the delimiters, each with the end of its delimiter's line."""
    parts: list[bytes] = []
    start = body.find(delimiter)
    while start >= 0:
        start += len(delimiter)
        if body.startswith(b"--", start):
            return parts
        end = body.find(delimiter, start)
        if end >= 0:
            if len(parts) == PARTS_MAX:
                raise TooLarge.of("", f"a body has at most {PARTS_MAX} parts", "Send it in several requests.")
            parts.append(body[start:end])
        start = end
    rule = "the body does not end with its boundary" if parts else "the boundary does not stand in the body"
    raise Rejected.of("", rule, _MEND)


def _part(index: int, raw: bytes) -> Part:
    pointer = f"part {index}"
    line_end = raw.find(b"\r\n")
    if line_end < 0 or raw[:line_end].strip(b" \t"):
        raise Rejected.of(pointer, "something stands beside the boundary", _MEND)
    head, gap, content = raw[line_end:].partition(b"\r\n\r\n")
    if not gap:
        raise Rejected.of(pointer, "no blank line ends its headers", _MEND)
    if len(head) > HEADER_BYTES_MAX:
        raise TooLarge.of(pointer, f"its headers have at most {HEADER_BYTES_MAX} bytes", "Send fewer headers.")
    headers: dict[str, str] = {}
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name or name != name.strip() or name.lower() in headers:
            raise Rejected.of(pointer, "a header of it is malformed or stands twice", _MEND)
        headers[name.lower()] = value.strip()
    return Part(headers, content)

"""What readers of statements get: one, or a page with a link to the next; with attachments, a body in several parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode

from services.learning_events.domain.attachment import attachments_of
from services.learning_events.domain.filters import CURSOR, Form
from services.learning_events.domain.multipart import Part, write_parts
from services.learning_events.domain.presentation import presented
from services.learning_events.domain.search import FOR_EVER, PLACE_MAX, XID_MAX, Place
from services.learning_events.domain.served import StoredStatement, as_served
from services.learning_events.handlers.searching import FoundPage
from shared.kernel import canonical_json
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Rejected
from shared.kernel.hashing import hex_digest
from shared.runtime.etags import content_etag, is_unchanged
from shared.runtime.http import Call, Reply
from shared.runtime.pages import decode_cursor, encode_cursor

CONSISTENT_THROUGH: Final = "X-Experience-API-Consistent-Through"
_LIST: Final = "statements"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_AT_MAX: Final = (FOR_EVER - _EPOCH) // _MICROSECOND

Attachments = Mapping[str, Sequence[tuple[str, bytes]]]


@dataclass(frozen=True, slots=True)
class View:
    """How statements are given back: in what form, to readers of which languages, with keys at which home page."""

    form: Form
    languages: Sequence[str]
    home_page: str

    def of(self, stored: StoredStatement) -> dict[str, Any]:
        """Return the statement as its reader gets it."""
        return presented(as_served(stored, self.home_page), self.form.format, self.languages)


def one_reply(call: Call, view: View, stored: StoredStatement, attachments: Attachments) -> Reply:
    """Return the reply with one statement; 304 where the reader has it already."""
    served = view.of(stored)
    content = canonical_json.dumps(served)
    etag = content_etag(content)
    headers = {"Last-Modified": format_datetime(stored.stored_at, usegmt=True), "ETag": etag}
    if view.form.has_attachments:
        return _in_parts(content, [served], attachments).with_headers(*headers.items())
    if is_unchanged(call.headers, etag):
        return Reply.empty(304, headers)
    return Reply.raw(content, "application/json", headers=headers)


def page_reply(call: Call, view: View, page: FoundPage) -> Reply:
    """Return the reply with a page of statements (a StatementResult, part 2, 2.5)."""
    served = [view.of(stored) for stored in page.statements]
    more = canonical_json.dumps(_more(call, page.after))
    statements = b",".join([canonical_json.dumps(one) for one in served])
    content = b'{"more":%b,"statements":[%b]}' % (more, statements)
    through = (CONSISTENT_THROUGH, rfc3339(page.through))
    if view.form.has_attachments:
        return _in_parts(content, served, page.attachments).with_headers(through)
    return Reply.raw(content, "application/json").with_headers(through)


def place_of(call: Call, query: Mapping[str, str]) -> Place | None:
    """Return where a `more` link goes on, None for a first page. Raises Rejected for a link of another key."""
    cursor = decode_cursor(_LIST, query, str, int, int, int)
    if cursor is None:
        return None
    key, at, xid, place = cursor[0], *(int(part) for part in cursor[1:])
    if key != call.principal.id:
        raise Rejected.of(CURSOR, "it was given to another key", "Ask for the first page with this key.")
    if not (0 <= at <= _AT_MAX and 0 <= xid <= XID_MAX and 0 <= place <= PLACE_MAX):
        raise Rejected.of(CURSOR, "it names no place in this list", "Follow the link as it was received.")
    return Place(_EPOCH + at * _MICROSECOND, xid, place)


def _more(call: Call, after: Place | None) -> str:
    """Return the link to the next page: what was asked for, and where to go on; empty at the end."""
    if after is None:
        return ""
    at = (after.stored_at - _EPOCH) // _MICROSECOND
    cursor = encode_cursor(_LIST, [call.principal.id, at, after.xid, after.place])
    return f"{call.route}?{urlencode({**call.query, CURSOR: cursor})}"


def _in_parts(content: bytes, served: Iterable[dict[str, Any]], attachments: Attachments) -> Reply:
    """Return a body of the statements and of the data that came along with them, each once."""
    data = {sha2: one for some in attachments.values() for sha2, one in some}
    types = {one["sha2"].lower(): one["contentType"] for statement in served for one in attachments_of(statement)}
    parts = [Part({"Content-Type": "application/json"}, content)]
    parts += [Part(_headers(types.get(sha2, ""), sha2), one) for sha2, one in data.items()]
    # No part can hold a boundary that is made of the hashes of all of them.
    boundary = hex_digest(b"".join(hex_digest(part.content).encode() for part in parts))
    return Reply.raw(write_parts(parts, boundary), f"multipart/mixed; boundary={boundary}")


def _headers(content_type: str, sha2: str) -> dict[str, str]:
    is_plain = content_type.isascii() and content_type.isprintable() and content_type
    return {
        "Content-Type": content_type if is_plain else "application/octet-stream",
        "Content-Transfer-Encoding": "binary",
        "X-Experience-API-Hash": sha2,
    }

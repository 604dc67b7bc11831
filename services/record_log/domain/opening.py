"""How a stream begins, so that nobody can show a person's record from its middle or keep two of them.

The first event of every stream is the log's own: *this stream of this person is open, and its first head will carry
this tag*. It is one JSON object in RFC 8785 form:

    specversion   "1.0"
    id            "<person>/<stream>"
    source        "record_log"
    type          "deedlog.record-log.stream-opened.v1"
    subject       the person's id
    time          RFC 3339 in UTC with microseconds
    data          {"stream": "main" or the project's id,
                   "first_tag": 64 hex digits, HMAC-SHA256(key = first blind; message = tag of the first head leaf),
                   "holder": the Multikey of the key the person holds, null while they hold none}

It stands at index 0 of the stream it opens. The opening of a project's stream is appended to the person's main stream
too, with salts of its own, so that whoever knows the main stream knows how many others there are. Opening index 0 with
the first blind shows that a chain of heads starts where the person's record starts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from services.record_log.domain.event import RecordEvent, StreamName
from shared.kernel import canonical_json
from shared.kernel.canonical_json import JsonValue
from shared.kernel.clock import rfc3339
from shared.kernel.ids import PersonId, RandomBytes
from shared.kernel.merkle import Frontier
from shared.kernel.record_leaf import BLIND_SIZE, TAG_SIZE, tag_commitment

SOURCE: Final = "record_log"
STREAM_OPENED: Final = "deedlog.record-log.stream-opened.v1"


class StreamState(NamedTuple):
    """What appending needs to know of a stream: its tree so far, and the tag its next head leaf must carry."""

    person: PersonId
    name: StreamName
    frontier: Frontier
    next_tag: bytes


class Opened(NamedTuple):
    """A stream that holds nothing yet. `event` is to be its first entry; `first_blind` opens the first tag."""

    state: StreamState
    event: RecordEvent
    first_blind: bytes


def open_stream(
    person: PersonId, name: StreamName, at: datetime, random_bytes: RandomBytes, holder: str | None = None
) -> Opened:
    """Return a new stream of `person` with the event that opens it; append that first, and to MAIN if this is not it.

    random_bytes: a cryptographic source. holder: the person's Multikey, if they hold a key.
    """
    first_tag, first_blind = random_bytes(TAG_SIZE), random_bytes(BLIND_SIZE)
    event: dict[str, JsonValue] = {
        "specversion": "1.0",
        "id": f"{person}/{name}",
        "source": SOURCE,
        "type": STREAM_OPENED,
        "subject": person,
        "time": rfc3339(at),
        "data": {"stream": name, "first_tag": tag_commitment(first_blind, first_tag).hex(), "holder": holder},
    }
    record = RecordEvent(SOURCE, f"{person}/{name}", STREAM_OPENED, canonical_json.dumps(event))
    return Opened(StreamState(person, name, Frontier(), first_tag), record, first_blind)

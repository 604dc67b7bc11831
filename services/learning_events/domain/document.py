"""What a platform keeps beside statements: a document under a name, about an activity, an agent, or both (part 3, 2.2).

The store knows of a document its bytes, their media type and when they changed; what is in it is the platform's affair,
but for the merging of JSON objects (`document_merge.py`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from shared.kernel.hashing import tagged

DOCUMENT_BYTES_MAX: Final = 1 << 20
"""1 MiB, sent and merged alike."""
NAME_BYTES_MAX: Final = 1_024
"""Bytes of a stateId or profileId in UTF-8: it is part of a key in an index, whose rows take 2,700."""
NAMES_MAX: Final = 10_000
"""Names told in one answer, about 10 MB at worst."""
MEDIA_TYPE_CHARACTERS_MAX: Final = 255
DEFAULT_MEDIA_TYPE: Final = "application/octet-stream"
"""Of what came without a Content-Type (RFC 9110 §8.3)."""


class Resource(Enum):
    """The three resources that keep documents."""

    STATE = "state"
    ACTIVITY_PROFILE = "activity-profile"
    AGENT_PROFILE = "agent-profile"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose documents: an organisation's, those of its test keys apart from the others."""

    organisation: str
    is_test: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """All documents about one thing. activity: its IRI; agent: its canonical text; empty where that is not asked for.

    is_person: whether the agent is an Agent, and the documents therefore somebody's.
    """

    resource: Resource
    activity: str = ""
    agent: str = ""
    is_person: bool = False

    @property
    def key(self) -> bytes:
        """32 bytes that stand for this shelf. An Agent and a Group with one identifier share a shelf."""
        parts = (self.resource.value, self.activity, self.agent)
        return tagged("document-shelf", *(part.encode() for part in parts))


@dataclass(frozen=True, slots=True)
class Place:
    """Where one document stands. registration: a lower-case UUID, or empty for none; name: its stateId or profileId."""

    shelf: Shelf
    registration: str
    name: str


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of a document, as they were sent or as merging made them, and what is told with them."""

    content: bytes
    media_type: str
    modified_at: datetime

    @property
    def etag(self) -> str:
        """The strong tag of the content, quotes included: its SHA-1, as 1.0.3 asks (part 3, 3.1); it proves nothing."""
        return f'"{hashlib.sha1(self.content, usedforsecurity=False).hexdigest()}"'

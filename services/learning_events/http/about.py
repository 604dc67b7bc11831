"""The About resource: the versions that are spoken, and what a sender may count on (part 3, 2.8)."""

from __future__ import annotations

from typing import Final

from services.learning_events.domain.batch import BATCH_BYTES_MAX, STATEMENTS_MAX
from services.learning_events.domain.document import DOCUMENT_BYTES_MAX
from services.learning_events.http.mounts import MOUNTS, VERSIONS, finishing, only
from shared.runtime.http import Call, Endpoint, Reply, endpoint

BOUNDS: Final = "urn:deedlog:bounds"
"""The extension that tells how much one request may hold."""
_ABOUT: Final = {
    "version": VERSIONS,
    "extensions": {
        BOUNDS: {
            "statements": STATEMENTS_MAX,
            "request_bytes": BATCH_BYTES_MAX,
            "document_bytes": DOCUMENT_BYTES_MAX,
        }
    },
}


def about_endpoints() -> list[Endpoint]:
    """Return the operation on each mount. It asks for no credential, and for no version."""
    return [
        endpoint("GET", f"{base}/about", about, scopes=None, finish=finishing(mount)) for base, mount in MOUNTS.items()
    ]


async def about(call: Call) -> Reply:
    """Answer with versions and bounds."""
    only(call.query, frozenset())
    return Reply.json(_ABOUT)

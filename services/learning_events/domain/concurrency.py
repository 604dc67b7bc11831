"""When a PUT has to say which state it replaces (1.0.3 part 3, 3.1; IEEE 9274.1.1, 4.1.4).

If-Match and If-None-Match are kept by every operation of both versions wherever they are sent; that is HTTP's. What
xAPI adds is what happens to a PUT that sends neither: two writers would overwrite one another without noticing.

                  something is kept      nothing is kept
    1.0.3 state         taken                taken
    1.0.3 profiles    refused, 409         refused, 400
    2.0, all three    refused, 409           taken
"""

from __future__ import annotations

from typing import Final

from services.learning_events.domain.document import Resource
from services.learning_events.domain.statement import XapiVersion
from shared.kernel.errors import Conflict, Rejected

_MEND: Final = "Read it and send its ETag as If-Match, or If-None-Match: * where it must not be there yet."


def check_blind_put(version: XapiVersion, resource: Resource, *, is_kept: bool) -> None:
    """Raise Conflict or Rejected where a PUT without If-Match and If-None-Match is not taken; the table is above."""
    if version is XapiVersion.V1_0 and resource is Resource.STATE:
        return
    if is_kept:
        raise Conflict.of("if-match", "there is a document, and the request does not say that it was seen", _MEND)
    if version is XapiVersion.V1_0:
        raise Rejected.of("if-none-match", "a PUT of a profile has If-Match or If-None-Match", _MEND)

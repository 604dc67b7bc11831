"""The file a person hands over: everything `deedlog verify` needs, in one JSON document, with no network.

Format `deedlog/presentation/v1`; who reads it is `shared/verifier/presentation.py`, which describes every member.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

FORMAT: Final = "deedlog/presentation/v1"


def presentation(
    credential: Mapping[str, Any],
    did_document: Mapping[str, Any],
    status_list: Mapping[str, Any],
    record: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the presentation of one credential.

    status_list: the list the credential's entry names, as signed last. record: the proof that the credential's issuing
    is in the person's record, as record_log gives it. Nothing is checked here; the reader checks all of it.
    """
    return {
        "format": FORMAT,
        "credential": credential,
        "did_document": did_document,
        "status_list": status_list,
        "record": record,
    }

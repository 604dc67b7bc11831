"""An Authorization header as senders get it wrong, judged by its form alone: nothing is looked up.

What has the right form is for identity to judge. So this tells nobody whether a key exists.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from shared.kernel.errors import Fault

POINTER: Final = "authorization"
ACCESS_PREFIX: Final = "dlo_"
_SECRETS: Final = ("dlk_", "dlt_", ACCESS_PREFIX)
_SESSION: Final = "dls_"
_KEY_ID: Final = "key_"
_MEND: Final = "Send Basic with the key's id as user name and its secret as password, or Bearer with secret or token."


def credential_fault(header: str | None) -> Fault | None:
    """Return what is wrong with the form of the header; None where it has the form of a key's credential."""
    if not header or not header.strip():
        return _fault("the request has no Authorization header")
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return _bearer_fault(value)
    if scheme.lower() == "basic":
        return _basic_fault(value)
    if scheme.startswith((*_SECRETS, _KEY_ID)):
        return _fault("the header holds the key without a scheme before it")
    return _fault("the scheme is neither Basic nor Bearer")


def _bearer_fault(value: str) -> Fault | None:
    if not value:
        return _fault("nothing follows Bearer")
    if ":" in value or ":" in _decoded(value):
        return _fault("what follows Bearer is an id and a secret, which is what Basic takes")
    if value.startswith(_KEY_ID):
        return _fault("Bearer got the key's id, and takes its secret")
    if value.startswith(_SESSION):
        return _fault("Bearer got the token of a person's session, and platforms send with a key")
    if not value.startswith(_SECRETS):
        return _fault("what follows Bearer has not the form of a key's secret (dlk_, dlt_) or access token (dlo_)")
    return None


def _basic_fault(value: str) -> Fault | None:
    if value.startswith((*_SECRETS, _KEY_ID)):
        return _fault("what follows Basic is not encoded: it is the base64 of id, colon and secret")
    text = _decoded(value)
    if not text:
        return _fault("what follows Basic is not base64 of UTF-8")
    if text != text.strip():
        return _fault("there is white space before the key's id or behind its secret")
    key_id, colon, secret = text.partition(":")
    if not colon and key_id.startswith(_SECRETS):
        return _fault("Basic got the secret without the key's id before it, or is Bearer meant")
    if not key_id:
        return _fault("Basic got the secret without the key's id as user name")
    if not secret:
        return _fault("Basic got a user name without a secret as password")
    if key_id.startswith(_SECRETS):
        return _fault("Basic got the secret as user name: id and secret are the wrong way round")
    if secret.startswith(_KEY_ID):
        return _fault("Basic got a key's id as password, and takes the key's secret there")
    if not key_id.startswith(_KEY_ID):
        return _fault("the user name of Basic is the key's id, which begins with key_")
    return None


def _decoded(value: str) -> str:
    """Return what the base64 says; empty where it is none."""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _fault(rule: str) -> Fault:
    return Fault(POINTER, rule, _MEND)

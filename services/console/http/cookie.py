"""The cookie that holds the visitor's credential, out of reach of scripts and of other sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.console.handlers.sign_in import check_secret
from shared.kernel.errors import Rejected, Unauthenticated
from shared.runtime.reply import Header

NAME: Final = "deedlog_credential"


def credential_of(headers: Mapping[str, str]) -> str | None:
    """Return the credential in the request's cookie, if there is a well-formed one."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == NAME:
            try:
                check_secret(value)
            except Rejected:
                return None
            return value
    return None


def required_credential(headers: Mapping[str, str]) -> str:
    """Return the credential in the request's cookie. Raises Unauthenticated without one."""
    credential = credential_of(headers)
    if credential is None:
        raise Unauthenticated("Sign in first.")
    return credential


def keeping(credential: str, origin: str) -> Header:
    """Return the header that keeps the credential until the browser is closed; Secure where the origin is https."""
    return "Set-Cookie", f"{NAME}={credential}; Path=/; HttpOnly; SameSite=Strict{_secure(origin)}"


def forgetting(origin: str) -> Header:
    """Return the header that has the browser forget the credential."""
    return "Set-Cookie", f"{NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{_secure(origin)}"


def _secure(origin: str) -> str:
    return "; Secure" if origin.startswith("https:") else ""

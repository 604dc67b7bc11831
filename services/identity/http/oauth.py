"""/oauth/token: the client credentials grant of OAuth 2.0 (RFC 6749), and where clients learn of it (RFC 8414).

The client is an API key: its id is the client_id, its secret the client_secret. Refusals are told in the form of
RFC 6749 §5.2 and not as problem details, because clients of other makers read them.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from services.identity.domain.access_tokens import AccessToken, TokenRefused, TooManyTokens
from services.identity.handlers.token_issuing import TokenIssuing
from shared.runtime import telemetry
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.media_type import parse_media_type
from shared.runtime.reply import Reply

GRANTS_PATH: Final = "/oauth/token"
METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
FORM: Final = "application/x-www-form-urlencoded"
FORM_BYTES_MAX: Final = 8 << 10
"""It is read before anybody knows who sends it."""
FORM_FIELDS_MAX: Final = 32
_GRANT: Final = "client_credentials"
_UNCACHED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""RFC 6749 §5.1."""
_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="deedlog", charset="UTF-8"'}


def oauth_endpoints(issuing: TokenIssuing, origin: str, scopes: frozenset[str]) -> list[Endpoint]:
    """Return the operations. scopes: the words that a token may be asked for with."""
    resource = _Resource(issuing, origin, scopes)
    return [
        endpoint("POST", GRANTS_PATH, resource.token, scopes=None),
        endpoint("GET", METADATA_PATH, resource.metadata, scopes=None),
    ]


class _Resource:
    def __init__(self, issuing: TokenIssuing, origin: str, scopes: frozenset[str]) -> None:
        self._issuing = issuing
        self._origin = origin
        self._scopes = scopes

    async def token(self, call: Call) -> Reply:
        try:
            form = await _form(call)
            client_id, secret = _client(call.headers.get("authorization"), form)
            if form.get("grant_type") != _GRANT:
                raise _grant_refused(form)
            token, text = await self._issuing.issue(client_id, secret, form.get("scope"))
        except TokenRefused as error:
            return _refusal(error)
        except TooManyTokens as error:
            telemetry.count_bound("identity-access-tokens")
            return _come_back(error)
        return Reply.json(_grant(token, text), headers=_UNCACHED)

    async def metadata(self, call: Call) -> Reply:
        # No grant here has an authorization endpoint; RFC 8414 §2 wants its response types named all the same.
        told = {
            "issuer": self._origin,
            "token_endpoint": self._origin + GRANTS_PATH,
            "grant_types_supported": [_GRANT],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": sorted(self._scopes),
        }
        return Reply.json(told, headers={"Cache-Control": "public, max-age=300"})


async def _form(call: Call) -> dict[str, str]:
    """Return the parameters, without those that have no value (RFC 6749 §3.2). Raises TokenRefused."""
    if call.query_string:
        raise _invalid("the parameters go into the body and never into the address, where logs would keep them")
    media_type = parse_media_type(call.headers.get("content-type", ""))
    if media_type is None or media_type.essence != FORM:
        raise _invalid(f"the body is a form: send it as {FORM}")
    raw = await call.body_bytes(FORM_BYTES_MAX)
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        raise _invalid(f"the form is not UTF-8 in percent encoding, or has over {FORM_FIELDS_MAX} fields") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _invalid("a parameter stands twice")
    return {name: value for name, value in form.items() if value}


def _client(header: str | None, form: Mapping[str, str]) -> tuple[str, str]:
    """Return the client's id and secret, from the header or the form (RFC 6749 §2.3.1). Raises TokenRefused."""
    if header is None:
        if "client_id" not in form or "client_secret" not in form:
            raise _stranger("send the id and the secret of a key by Basic, or as client_id and client_secret")
        return form["client_id"], form["client_secret"]
    client_id, secret = _basic(header)
    if "client_secret" in form or form.get("client_id", client_id) != client_id:
        raise _invalid("the client shows itself in the header and in the form; one of them is enough")
    return client_id, secret


def _basic(header: str) -> tuple[str, str]:
    scheme, _, value = header.partition(" ")
    try:
        text = base64.b64decode(value.strip(" "), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    client_id, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not (colon and client_id and secret):
        raise _stranger("the Authorization header is not Basic with the id of a key, a colon and its secret")
    return unquote_plus(client_id), unquote_plus(secret)


def _grant_refused(form: Mapping[str, str]) -> TokenRefused:
    if "grant_type" not in form:
        return _invalid(f"grant_type is missing: send {_GRANT}")
    return TokenRefused("unsupported_grant_type", f"the one grant there is, is {_GRANT}")


def _grant(token: AccessToken, text: str) -> dict[str, str | int]:
    return {
        "access_token": text,
        "token_type": "Bearer",
        "expires_in": int((token.expires_at - token.issued_at).total_seconds()),
        "scope": " ".join(token.scopes),
    }


def _refusal(error: TokenRefused) -> Reply:
    told = {"error": error.error, "error_description": error.message}
    if error.error == "invalid_client":
        return Reply.json(told, 401, {**_UNCACHED, **_CHALLENGE})
    return Reply.json(told, 400, _UNCACHED)


def _come_back(error: TooManyTokens) -> Reply:
    told = {"error": "temporarily_unavailable", "error_description": error.message}
    seconds = max(1, math.ceil(error.retry_after_seconds))
    return Reply.json(told, 429, {**_UNCACHED, "Retry-After": str(seconds)})


def _invalid(rule: str) -> TokenRefused:
    return TokenRefused("invalid_request", rule)


def _stranger(rule: str) -> TokenRefused:
    return TokenRefused("invalid_client", rule)

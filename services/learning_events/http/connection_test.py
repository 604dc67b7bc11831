"""What a platform's developer asks before anything is sent for good, and where the usual wrong paths lead.

The test answers 200 whether the set-up works or not, without a valid key too; `is_ready` says which. It stores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from services.learning_events.domain.batch import NewStatementId
from services.learning_events.domain.diagnosis import Finding, Sender, is_ready, summary
from services.learning_events.domain.sender_address import ADDRESS_CHARACTERS_MAX, path_fault
from services.learning_events.domain.sender_credential import ACCESS_PREFIX
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.diagnosing import SetUp, diagnose
from services.learning_events.http.mounts import JSON, MOUNTS, VERSION_HEADER, finishing, only, version_of
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import Fault, NotFound, Rejected, Unauthenticated
from shared.runtime.auth import Authenticator, parse_authorization
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.request_body import BYTES_MAX

ORGANISATION_CHARACTERS_MAX: Final = 100
STRANGER_BYTES_MAX: Final = 64 << 10
"""Of statements that are looked at for who shows no valid credential: what anybody may have us do costs little."""
_BASES: Final = ("/xapi", "/xAPI", "/XAPI", "/data/xAPI", "/data/xapi")
_WRONG: Final = (*_BASES, *(f"{base}/{{rest:path}}" for base in _BASES))
_METHODS: Final = ("GET", "POST", "PUT", "DELETE")


class ConnectionTestDoor:
    """The connection test, and the paths that are nearly right. Its endpoints come after all others of /xapi."""

    def __init__(
        self, authenticator: Authenticator, clock: Clock, new_statement_id: NewStatementId, origin: str
    ) -> None:
        self._authenticator = authenticator
        self._clock = clock
        self._new_statement_id = new_statement_id
        self._origin = origin

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        finish = finishing(MOUNTS["/xapi"])
        return [
            endpoint("GET", "/v1/connection-test", self.test, scopes=None),
            endpoint("POST", "/v1/connection-test", self.test, scopes=None),
            *[
                endpoint(method, path, self.lead_on, scopes=None, finish=finish)
                for path in _WRONG
                for method in _METHODS
            ],
        ]

    async def test(self, call: Call) -> Reply:
        """Answer with what is wrong with the set-up that this request shows, a sentence a fault."""
        query = call.query
        only(query, frozenset({"endpoint", "organisation"}))
        _bounded(query, "endpoint", ADDRESS_CHARACTERS_MAX)
        _bounded(query, "organisation", ORGANISATION_CHARACTERS_MAX)
        now = self._clock.now()
        sender, refusal = await self._sender(call.headers.get("authorization"))
        version, version_fault = _version(call.headers, query.get("endpoint", ""))
        set_up = SetUp(
            call.headers.get("authorization"),
            sender,
            refusal,
            query.get("endpoint"),
            query.get("organisation"),
            _date(call.headers.get("date")),
            _scheme(call.headers.get("x-forwarded-proto")),
            version,
            version_fault,
            await _sample(call, STRANGER_BYTES_MAX if sender is None else BYTES_MAX),
        )
        findings = diagnose(set_up, self._origin, now, self._new_statement_id)
        told = {"is_ready": is_ready(findings), "summary": summary(findings), "received_at": rfc3339(now)}
        headers = {"Cache-Control": "no-store"}
        return Reply.json({**told, "key": _key(sender), "checks": [_check(one) for one in findings]}, headers=headers)

    async def lead_on(self, call: Call) -> Reply:
        """Raise NotFound, saying what is wrong with the path and which one is meant."""
        path = call.route.replace("{rest:path}", call.path.get("rest", ""))
        fault = path_fault(path)
        if fault is None:
            mend = f"Set {self._origin}{path.rstrip('/')} in the sender, which appends /statements to it."
            raise NotFound.of("path", "this is the address of the record store, and no resource of it", mend)
        raise NotFound.of("path", fault.rule, f"Use {self._origin}{fault.right}.")

    async def _sender(self, header: str | None) -> tuple[Sender | None, Fault | None]:
        """Return whose the credential is, or why it is nobody's. Raises Unavailable where that cannot be known now."""
        try:
            secret = parse_authorization(header)
            found = await self._authenticator.authenticate(secret.text, secret.key_id)
        except Unauthenticated as error:
            return None, error.faults[0] if error.faults else None
        is_token = secret.text.startswith(ACCESS_PREFIX)
        return Sender(found.kind, found.id, found.organisation, found.scopes, found.is_test, is_token), None


def _version(headers: Mapping[str, str], address: str) -> tuple[XapiVersion | None, Fault | None]:
    """Return the version that the sender speaks at its address, or what is wrong with its header."""
    misspelt = next((name for name in headers if "experience-api" in name and name != VERSION_HEADER), None)
    if misspelt is not None and VERSION_HEADER not in headers:
        rule = "the header that tells the version has another name"
        return None, Fault("X-Experience-API-Version", rule, "Call it X-Experience-API-Version.")
    path = "/" + address.partition("://")[2].partition("/")[2].partition("?")[0]
    base = next((one for one in ("/xapi/1", "/xapi/2") if f"{path}/".startswith(f"{one}/")), "/xapi")
    try:
        return version_of(headers, MOUNTS[base]), None
    except Rejected as error:
        return None, error.faults[0]


async def _sample(call: Call, bytes_max: int) -> bytes | Rejected | None:
    """Return what was sent along, None for nothing; a body of another type as its refusal. Raises TooLarge."""
    if call.method != "POST":
        return None
    raw = await call.body_bytes(bytes_max)
    if not raw:
        return None
    try:
        call.media_type(JSON)
    except Rejected as error:
        return error
    return raw


def _date(header: str | None) -> datetime | Rejected | None:
    """Return what the Date header says, None where there is none, a refusal where it is no date."""
    if header is None:
        return None
    try:
        told = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return Rejected.of("date", "the Date header is no HTTP date", "Send one such as Mon, 02 Mar 2026 09:30:00 GMT.")
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)


def _bounded(query: Mapping[str, str], name: str, characters_max: int) -> None:
    if len(query.get(name, "")) > characters_max:
        raise Rejected.of(name, f"it has more than {characters_max} characters", "Send it as it is set in the sender.")


def _scheme(header: str | None) -> str | None:
    """Return the scheme by which the first proxy was reached; None where none says so."""
    scheme = (header or "").partition(",")[0].strip().lower()
    return scheme if scheme in {"http", "https"} else None


def _key(sender: Sender | None) -> dict[str, Any] | None:
    if sender is None or sender.kind != "key":
        return None
    return {
        "id": sender.id,
        "organisation": sender.organisation,
        "scopes": sorted(sender.scopes),
        "is_test": sender.is_test,
    }


def _check(one: Finding) -> dict[str, Any]:
    told: dict[str, Any] = {"check": one.check, "verdict": one.verdict, "rule": one.rule, "mend": one.mend}
    if one.errors:
        told["errors"] = [{"pointer": fault.pointer, "rule": fault.rule, "mend": fault.mend} for fault in one.errors]
    return told

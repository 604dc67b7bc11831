"""deedlog connect: from a platform's machine, why its sender does not get through, a sentence a fault.

What only this end can see is looked at first: the name, the port, TLS and its certificate. Then the house is asked what
it sees (`/v1/connection-test`), with the address, credential, version and clock that the sender would use.
"""

from __future__ import annotations

import base64
import json as jsonlib
import socket
import ssl
from dataclasses import asdict, dataclass
from email.utils import formatdate
from typing import Annotated, Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
import typer
from rich.text import Text

from cli.answers import ANSWER_IS_NO, UNAVAILABLE, Json, printable, show, terminal
from cli.callers import Key
from cli.surroundings import Surroundings
from shared.kernel.errors import Rejected

app = typer.Typer()
SECONDS_MAX: Final = 10.0
ANSWER_BYTES_MAX: Final = 1 << 20
FAILED: Final = "failed"
MARKS: Final = {"passed": "fine", "failed": "WRONG", "noted": "note", "unseen": "unseen"}
_CERTIFICATE: Final = {
    10: ("the certificate has expired", "Have it renewed at the house."),
    18: ("the certificate is signed by itself", "Name it with --ca-file, or have one made that machines trust."),
    19: ("the certificate is signed by an authority this machine does not know", "Name that authority with --ca-file."),
    20: ("the certificate is signed by an authority this machine does not know", "Name that authority with --ca-file."),
    62: ("the certificate is for another host name", "Set the name that the certificate was made for."),
    64: ("the certificate is for another address", "Set the name that the certificate was made for."),
}


@dataclass(frozen=True, slots=True)
class Check:
    """What one look came to. verdict: passed, failed, noted or unseen."""

    check: str
    verdict: str
    rule: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """How the platform's sender is set up. authorization: the whole header; statement: one that it would send."""

    address: str
    authorization: str | None = None
    version: str | None = None
    organisation: str | None = None
    statement: bytes | None = None
    ca_file: str | None = None


class _Stop(Exception):
    """Nothing behind this fault can be seen. is_away: time may heal it."""

    def __init__(self, check: Check, *, is_away: bool = False) -> None:
        super().__init__(check.rule)
        self.check = check
        self.is_away = is_away


@app.command()
def connect(
    url: Annotated[str, typer.Argument(metavar="URL", help="The address that is set in the sender.")],
    key: Key = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="KEY_ID", help="Send Basic, with this user name.")
    ] = None,
    authorization: Annotated[
        str | None, typer.Option("--authorization", metavar="HEADER", help="Send this header, as the sender does.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--xapi-version", help="The X-Experience-API-Version that the sender names.")
    ] = None,
    organisation: Annotated[str | None, typer.Option("--organisation", help="Whose key it should be.")] = None,
    statement: Annotated[
        typer.FileBinaryRead | None, typer.Option("--statement", help="A statement to be judged; it is not stored.")
    ] = None,
    ca_file: Annotated[
        str | None, typer.Option("--ca-file", metavar="FILE", help="Authorities to trust, in PEM.")
    ] = None,
    json: Json = False,
) -> None:
    """Say why a sender does not get through, a sentence a fault. Nothing is stored.

    The key's secret comes from --key or DEEDLOG_KEY. Exit code 1 when something is wrong, 3 when nobody answers.
    """
    header = authorization or _header(key, user)
    sample = None if statement is None else statement.read()
    checks, is_away = look(Sender(url, header, version, organisation, sample, ca_file))
    failed = [one for one in checks if one.verdict == FAILED]
    summary = f"{failed[0].check}: {failed[0].rule}. {failed[0].mend}" if failed else "The set-up works."
    told = {"is_ready": not failed, "summary": summary, "checks": [asdict(one) for one in checks]}
    show(told, json, lambda: None)
    if not json:
        for one in checks:
            terminal().print(_drawn(one))
    if failed:
        raise typer.Exit(UNAVAILABLE if is_away else ANSWER_IS_NO)


def look(sender: Sender) -> tuple[list[Check], bool]:
    """Return what is to be said of a sender's set-up, and whether only nobody answers, which time may heal."""
    found: list[Check] = []
    try:
        parts = _parts(sender.address)
        found += _reached(parts.scheme, parts.hostname or "", parts.port or _port(parts.scheme), sender.ca_file)
        found += _asked(f"{parts.scheme}://{parts.netloc}", sender)
    except _Stop as stop:
        return [*found, stop.check], stop.is_away
    return found, False


def _header(key: str | None, user: str | None) -> str | None:
    secret = key or Surroundings.look().key
    if secret is None:
        if user is not None:
            raise Rejected.of("--user", "the key's secret is missing", "Set DEEDLOG_KEY to it.")
        return None
    if user is None:
        return f"Bearer {secret}"
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def _parts(address: str) -> Any:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        rule = "the sender's address is no http or https URL"
        raise _Stop(Check("address", FAILED, rule, "Set it like https://deedlog.example/xapi."))
    return parts


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _reached(scheme: str, host: str, port: int, ca_file: str | None) -> list[Check]:
    """Return that the port answers in the scheme of the address. Raises _Stop."""
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        rule = f"this machine does not know the host name {host}"
        raise _Stop(
            Check("address", FAILED, rule, "Check its spelling, and the DNS of this machine."), is_away=True
        ) from None
    try:
        with socket.create_connection((host, port), SECONDS_MAX):
            pass
    except TimeoutError:
        rule = f"nothing answers at {host}, port {port}, within {SECONDS_MAX:g} s"
        mend = "A firewall in between may drop it: let this machine through, or check the port."
        raise _Stop(Check("address", FAILED, rule, mend), is_away=True) from None
    except OSError as error:
        rule = f"nobody listens at {host}, port {port} ({error.strerror or error})"
        raise _Stop(Check("address", FAILED, rule, "Check the port, and that the house is up."), is_away=True) from None
    reached = Check("network", "passed", f"{host}, port {port}, answers")
    if scheme == "http":
        return [reached]
    return [reached, _shaken(host, port, ca_file)]


def _shaken(host: str, port: int, ca_file: str | None) -> Check:
    """Return that TLS is spoken there, under a certificate that this machine trusts. Raises _Stop."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise Rejected.of("--ca-file", "it holds no certificates in PEM", "Name a file that does.") from None
    try:
        with socket.create_connection((host, port), SECONDS_MAX) as raw, context.wrap_socket(raw, server_hostname=host):
            return Check("tls", "passed", "it speaks TLS, and its certificate is trusted here")
    except ssl.SSLCertVerificationError as error:
        rule, mend = _CERTIFICATE.get(error.verify_code, (f"the certificate is refused: {error.verify_message}", ""))
        raise _Stop(Check("tls", FAILED, rule, mend or "Have whoever runs the house look at it.")) from None
    except (OSError, ssl.SSLError):
        rule = f"the address says https, and port {port} speaks no TLS"
        mend = f"Set the port of https, or http://{host}:{port} where nobody else can listen."
        raise _Stop(Check("tls", FAILED, rule, mend)) from None


def _speaks_tls(host: str, port: int) -> bool:
    """Say whether the port speaks TLS, whoever vouches for it; nothing is sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), SECONDS_MAX) as raw, context.wrap_socket(raw, server_hostname=host):
            return True
    except OSError:
        return False


def _asked(origin: str, sender: Sender) -> list[Check]:
    """Return what the house sees of the set-up. Raises _Stop where what answers is none."""
    query = {"endpoint": sender.address} | (
        {} if sender.organisation is None else {"organisation": sender.organisation}
    )
    headers = {"Accept": "application/json", "Date": formatdate(usegmt=True)}
    if sender.authorization is not None:
        headers["Authorization"] = sender.authorization
    if sender.version is not None:
        headers["X-Experience-API-Version"] = sender.version
    if sender.statement is not None:
        headers["Content-Type"] = "application/json"
    url = f"{origin}/v1/connection-test?{urlencode(query)}"
    try:
        status, raw, location = _sent(url, headers, sender)
    except (httpx.HTTPError, UnicodeEncodeError) as error:
        raise _not_answered(origin, error) from None
    if 300 <= status < 400:
        rule = f"the house leads on to {printable(location)[:200]}, and senders do not follow"
        raise _Stop(Check("address", FAILED, rule, "Set the address that it leads to."))
    try:
        told = jsonlib.loads(raw)
        return [Check(one["check"], one["verdict"], one["rule"], one["mend"]) for one in told["checks"]]
    except (ValueError, KeyError, TypeError):
        raise _not_ours(origin, status, raw) from None


def _sent(url: str, headers: dict[str, str], sender: Sender) -> tuple[int, bytes, str]:
    context = ssl.create_default_context(cafile=sender.ca_file)
    client = httpx.Client(timeout=SECONDS_MAX, verify=context, trust_env=False, follow_redirects=False)
    method = "GET" if sender.statement is None else "POST"
    raw = bytearray()
    with client, client.stream(method, url, headers=headers, content=sender.statement) as response:
        for chunk in response.iter_bytes():
            raw += chunk
            if len(raw) > ANSWER_BYTES_MAX:
                break
        return response.status_code, bytes(raw), response.headers.get("location", "")


def _not_answered(origin: str, error: Exception) -> _Stop:
    parts = urlsplit(origin)
    host, port = parts.hostname or "", parts.port or _port(parts.scheme)
    if parts.scheme == "http" and _speaks_tls(host, port):
        return _plain_to_tls(host, port)
    if isinstance(error, UnicodeEncodeError | httpx.LocalProtocolError):
        rule = "what is sent holds characters that no header may"
        return _Stop(Check("credential", FAILED, rule, "Copy id and secret once more, without line breaks."))
    rule = f"the house does not answer ({type(error).__name__})"
    return _Stop(Check("address", FAILED, rule, "Try again, and have whoever runs the house look at it."), is_away=True)


def _not_ours(origin: str, status: int, raw: bytes) -> _Stop:
    parts = urlsplit(origin)
    host, port = parts.hostname or "", parts.port or _port(parts.scheme)
    if parts.scheme == "http" and _speaks_tls(host, port):
        return _plain_to_tls(host, port)
    try:
        detail = str(jsonlib.loads(raw)["detail"])
    except (ValueError, KeyError, TypeError):
        rule = f"what answers there is no Deedlog (status {status})"
        return _Stop(Check("address", FAILED, rule, "Check host and port, and what a proxy in between leads to."))
    is_away = status >= 500 or status == 429
    return _Stop(Check("address", FAILED, f"the house answers {status}: {printable(detail)}"), is_away=is_away)


def _plain_to_tls(host: str, port: int) -> _Stop:
    rule = f"the address says http, and port {port} speaks TLS"
    return _Stop(Check("tls", FAILED, rule, f"Set https://{host}:{port} and the path behind it."))


def _drawn(one: Check) -> Text:
    style = {"failed": "bold red", "noted": "yellow", "unseen": "dim"}.get(one.verdict, "green")
    mark = MARKS.get(one.verdict, one.verdict)
    mend = f". {one.mend}" if one.mend else ""
    return Text.assemble((f"{mark:<7}", style), printable(f"{one.check}: {one.rule}{mend}"), overflow="fold")

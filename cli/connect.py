"""deedlog connect: from a platform's machine, why its sender does not get through, a sentence a fault.

What only this end can see is looked at first (`cli.reach`). Then the house is asked what it sees
(`/v1/connection-test`), with the address, credential, version and clock that the sender would use.
"""

from __future__ import annotations

import base64
import json as jsonlib
import ssl
from dataclasses import asdict, dataclass
from email.utils import formatdate
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import httpx
import typer
from rich.text import Text

from cli.answers import ANSWER_IS_NO, UNAVAILABLE, Json, printable, show, terminal
from cli.callers import Key
from cli.reach import FAILED, SECONDS_MAX, Address, Check, Stop, reached, require_plain, trust
from cli.surroundings import Surroundings
from shared.kernel.errors import Rejected

app = typer.Typer()
ANSWER_BYTES_MAX: Final = 1 << 20
MARKS: Final = {"passed": "fine", "failed": "WRONG", "noted": "note", "unseen": "unseen"}
_FIELDS: Final = ("check", "verdict", "rule", "mend")


@dataclass(frozen=True, slots=True)
class Sender:
    """How the platform's sender is set up. authorization: the whole header; statement: one that it would send."""

    address: str
    authorization: str | None = None
    version: str | None = None
    organisation: str | None = None
    statement: bytes | None = None
    ca_file: str | None = None


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
    context = trust(sender.ca_file)
    try:
        address = Address.of(sender.address)
        found += reached(address, context)
        found += _asked(address, sender, context)
    except Stop as stop:
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


def _asked(address: Address, sender: Sender, context: ssl.SSLContext) -> list[Check]:
    """Return what the house sees of the set-up. Raises Stop where what answers is none."""
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
    url = f"{address.origin}/v1/connection-test?{urlencode(query)}"
    try:
        status, raw, location = _sent(url, headers, sender.statement, context)
    except (httpx.HTTPError, UnicodeEncodeError) as error:
        require_plain(address)
        raise _not_answered(error) from None
    if 300 <= status < 400:
        rule = f"the house leads on to {printable(location)[:200]}, and senders do not follow"
        raise Stop(Check("address", FAILED, rule, "Set the address that it leads to."))
    try:
        told = jsonlib.loads(raw)
        return [_check(one) for one in told["checks"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        require_plain(address)
        raise _not_ours(status, raw) from None


def _check(one: dict[str, Any]) -> Check:
    words = [one[name] for name in _FIELDS]
    if not all(isinstance(word, str) for word in words):
        raise ValueError("a check is told in words")
    return Check(*words)


def _sent(
    url: str, headers: dict[str, str], statement: bytes | None, context: ssl.SSLContext
) -> tuple[int, bytes, str]:
    client = httpx.Client(timeout=SECONDS_MAX, verify=context, trust_env=False, follow_redirects=False)
    method = "GET" if statement is None else "POST"
    raw = bytearray()
    with client, client.stream(method, url, headers=headers, content=statement) as response:
        for chunk in response.iter_bytes():
            raw += chunk
            if len(raw) > ANSWER_BYTES_MAX:
                break
        return response.status_code, bytes(raw), response.headers.get("location", "")


def _not_answered(error: Exception) -> Stop:
    if isinstance(error, UnicodeEncodeError | httpx.LocalProtocolError):
        rule = "what is sent holds characters that no header may"
        return Stop(Check("credential", FAILED, rule, "Copy id and secret once more, without line breaks."))
    rule = f"the house does not answer ({type(error).__name__})"
    return Stop(Check("address", FAILED, rule, "Try again, and have whoever runs the house look at it."), is_away=True)


def _not_ours(status: int, raw: bytes) -> Stop:
    try:
        detail = str(jsonlib.loads(raw)["detail"])
    except (ValueError, KeyError, TypeError, RecursionError):
        rule = f"what answers there is no Deedlog (status {status})"
        return Stop(Check("address", FAILED, rule, "Check host and port, and what a proxy in between leads to."))
    is_away = status >= 500 or status == 429
    return Stop(Check("address", FAILED, f"the house answers {status}: {printable(detail)}"), is_away=is_away)


def _drawn(one: Check) -> Text:
    style = {"failed": "bold red", "noted": "yellow", "unseen": "dim"}.get(one.verdict, "green")
    mark = MARKS.get(one.verdict, one.verdict)
    mend = f". {one.mend}" if one.mend else ""
    return Text.assemble((f"{mark:<7}", style), printable(f"{one.check}: {one.rule}{mend}"), overflow="fold")

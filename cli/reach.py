"""What only this end can see of a house: its name, its port, TLS and its certificate.

Each fault is told in a sentence, and ends the look: behind a port that is closed there is nothing to be seen.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from shared.kernel.errors import Rejected

SECONDS_MAX: Final = 10.0
FAILED: Final = "failed"
_PORTS: Final = {"http": 80, "https": 443}
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


class Stop(Exception):
    """Nothing behind this fault can be seen. is_away: time may heal it."""

    def __init__(self, check: Check, *, is_away: bool = False) -> None:
        super().__init__(check.rule)
        self.check = check
        self.is_away = is_away


@dataclass(frozen=True, slots=True)
class Address:
    """Where a house should answer. origin: scheme, host and port, as they were written."""

    origin: str
    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Address:
        """Return the address of this URL. Raises Stop for one that is none."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in _PORTS or not parts.hostname:
            rule = "the sender's address is no http or https URL"
            raise Stop(Check("address", FAILED, rule, "Set it like https://deedlog.example/xapi."))
        origin = f"{parts.scheme}://{parts.netloc}"
        return cls(origin, parts.scheme, parts.hostname, port or _PORTS[parts.scheme])

    def under(self, scheme: str) -> str:
        """Return host and port under another scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Return whom a client trusts: the authorities of this machine, or those of the file. Raises Rejected."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise Rejected.of("--ca-file", "it holds no certificates in PEM", "Name a file that does.") from None


def reached(address: Address, context: ssl.SSLContext) -> list[Check]:
    """Return that the port answers in the scheme of the address. Raises Stop."""
    found = [_connected(address)]
    if address.scheme == "https":
        found.append(_shaken(address, context))
    return found


def require_plain(address: Address) -> None:
    """Return unless the address says http and its port speaks TLS; nothing is sent over it. Raises Stop."""
    if address.scheme == "http" and _speaks_tls(address):
        rule = f"the address says http, and port {address.port} speaks TLS"
        raise Stop(Check("tls", FAILED, rule, f"Set {address.under('https')} and the path behind it."))


def _connected(address: Address) -> Check:
    host, port = address.host, address.port
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        rule = f"this machine does not know the host name {host}"
        raise Stop(
            Check("address", FAILED, rule, "Check its spelling, and the DNS of this machine."), is_away=True
        ) from None
    try:
        with socket.create_connection((host, port), SECONDS_MAX):
            pass
    except TimeoutError:
        rule = f"nothing answers at {host}, port {port}, within {SECONDS_MAX:g} s"
        mend = "A firewall in between may drop it: let this machine through, or check the port."
        raise Stop(Check("address", FAILED, rule, mend), is_away=True) from None
    except OSError as error:
        rule = f"nobody listens at {host}, port {port} ({error.strerror or error})"
        raise Stop(Check("address", FAILED, rule, "Check the port, and that the house is up."), is_away=True) from None
    return Check("network", "passed", f"{host}, port {port}, answers")


def _shaken(address: Address, context: ssl.SSLContext) -> Check:
    """Return that TLS is spoken there, under a certificate that this machine trusts. Raises Stop."""
    try:
        with _handshake(address, context):
            return Check("tls", "passed", "it speaks TLS, and its certificate is trusted here")
    except ssl.SSLCertVerificationError as error:
        rule, mend = _CERTIFICATE.get(error.verify_code, (f"the certificate is refused: {error.verify_message}", ""))
        raise Stop(Check("tls", FAILED, rule, mend or "Have whoever runs the house look at it.")) from None
    except OSError:
        rule = f"the address says https, and port {address.port} speaks no TLS"
        mend = f"Set the port of https, or {address.under('http')} where nobody else can listen."
        raise Stop(Check("tls", FAILED, rule, mend)) from None


def _speaks_tls(address: Address) -> bool:
    """Say whether the port speaks TLS, whoever vouches for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with _handshake(address, context):
            return True
    except OSError:
        return False


@contextmanager
def _handshake(address: Address, context: ssl.SSLContext) -> Iterator[None]:
    with (
        socket.create_connection((address.host, address.port), SECONDS_MAX) as raw,
        context.wrap_socket(raw, server_hostname=address.host),
    ):
        yield

"""What `deedlog connect` sees from its own end: names, ports, TLS and certificates, and what is no Deedlog."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli.connect import Sender, look
from cli.reach import Address, Check
from infra.embedded.ports import free_port
from shared.kernel.errors import Rejected

OURS = b'{"checks": [{"check": "credential", "verdict": "passed", "rule": "the key is valid", "mend": ""}]}'


class Server(ThreadingHTTPServer):
    """Answers every GET alike."""

    status = 200
    content = OURS
    location = ""

    def handle_error(self, request: object, client_address: object) -> None:
        return


class Handler(BaseHTTPRequestHandler):
    """Says what its server says."""

    server: Server

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(self.server.content)))
        if self.server.location:
            self.send_header("location", self.server.location)
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def certified(folder: Path, days: int = 1, address: str = "127.0.0.1") -> tuple[ssl.SSLContext, str]:
    """Return the context of a server with a certificate signed by itself, and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "deedlog.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, str(file)


def first_fault(sender: Sender) -> Check:
    return next(one for one in look(sender)[0] if one.verdict == "failed")


def test_what_the_house_says_is_told_on(tmp_path: Path) -> None:
    context, trusted = certified(tmp_path)
    with serving(context) as server:
        checks, is_away = look(Sender(f"https://127.0.0.1:{server.server_port}/xapi", ca_file=trusted))
    assert [(one.check, one.verdict) for one in checks] == [
        ("network", "passed"),
        ("tls", "passed"),
        ("credential", "passed"),
    ]
    assert not is_away


def test_plain_http_to_a_port_of_tls_and_the_reverse_are_each_named(tmp_path: Path) -> None:
    context, _ = certified(tmp_path)
    with serving(context) as secure, serving() as plain:
        told = first_fault(Sender(f"http://127.0.0.1:{secure.server_port}/xapi"))
        assert (told.check, "speaks TLS" in told.rule) == ("tls", True)
        assert f"https://127.0.0.1:{secure.server_port}" in told.mend
        told = first_fault(Sender(f"https://127.0.0.1:{plain.server_port}/xapi"))
        assert (told.check, "speaks no TLS" in told.rule) == ("tls", True)


@pytest.mark.parametrize(
    ("days", "address", "is_trusted", "word"),
    [
        (1, "127.0.0.1", False, "signed by itself"),
        (-1, "127.0.0.1", True, "expired"),
        (1, "127.0.0.2", True, "another address"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_named_with_its_fault(
    tmp_path: Path, days: int, address: str, is_trusted: bool, word: str
) -> None:
    context, file = certified(tmp_path, days, address)
    with serving(context) as server:
        sender = Sender(f"https://127.0.0.1:{server.server_port}/xapi", ca_file=file if is_trusted else None)
        told = first_fault(sender)
    assert word in told.rule
    assert told.mend


@pytest.mark.parametrize(
    ("status", "content", "location", "word", "is_away"),
    [
        (200, b"<html>log in</html>", "", "no Deedlog", False),
        (404, b"{}", "", "no Deedlog", False),
        (200, b"[" * 100_000, "", "no Deedlog", False),
        (200, b'{"checks": [{"check": "x"}]}', "", "no Deedlog", False),
        (200, b'{"checks": [{"check": "x", "verdict": [], "rule": null, "mend": ""}]}', "", "no Deedlog", False),
        (301, b"", "https://deedlog.example/", "leads on to https://deedlog.example/", False),
        (503, b'{"detail": "Too much is under way."}', "", "Too much is under way", True),
    ],
)
def test_what_is_no_answer_of_the_house_is_named(
    status: int, content: bytes, location: str, word: str, is_away: bool
) -> None:
    with serving() as server:
        server.status, server.content, server.location = status, content, location
        checks, away = look(Sender(f"http://127.0.0.1:{server.server_port}/xapi"))
    assert word in checks[-1].rule
    assert (checks[-1].verdict, away) == ("failed", is_away)


def test_a_port_where_nobody_listens_and_a_name_that_is_none_may_heal() -> None:
    for address, word in (
        (f"http://127.0.0.1:{free_port()}/xapi", "nobody listens"),
        ("http://a..b/xapi", "host name"),
    ):
        checks, is_away = look(Sender(address))
        assert word in checks[-1].rule
        assert is_away


@pytest.mark.parametrize("address", ["", "deedlog.example/xapi", "ftp://x/", "http://[::1", "http://x:99999/"])
def test_an_address_that_is_none_is_named_before_anything_is_sent(address: str) -> None:
    assert "no http or https URL" in first_fault(Sender(address)).rule


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_file_without_authorities_is_refused_before_anything_is_sent(
    tmp_path: Path, scheme: str, content: bytes | None
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_bytes(content)
    with serving() as server, pytest.raises(Rejected, match="no certificates in PEM"):
        look(Sender(f"{scheme}://127.0.0.1:{server.server_port}/xapi", ca_file=str(file)))


def test_an_address_of_ipv6_keeps_its_brackets_under_another_scheme() -> None:
    address = Address.of("http://[::1]:8080/xapi")
    assert (address.host, address.port, address.under("https")) == ("::1", 8080, "https://[::1]:8080")


def test_a_secret_with_a_line_break_is_named_and_not_sent() -> None:
    with serving() as server:
        told = first_fault(Sender(f"http://127.0.0.1:{server.server_port}/xapi", "Bearer dlk_\nbroken"))
    assert "no header may" in told.rule

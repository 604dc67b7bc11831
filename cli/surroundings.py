"""What the command line finds around it: the data folder, the house that runs there, the origin and the credential.

DEEDLOG_HOME     the data folder
DEEDLOG_PORT     the origin's port, for a house that is started now
DEEDLOG_ORIGIN   where to find a house that is not of this folder, such as https://deedlog.example
DEEDLOG_KEY      the credential to show instead of the folder's admin.key
DEEDLOG_TRUST    the file of pinned keys
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from infra.embedded.home import Home, default_home
from infra.embedded.layout import PORT, PORT_FIRST, PORT_LAST, Layout, lay_out
from infra.embedded.state import HouseState, running_state
from shared.kernel.errors import Rejected


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a command runs. port, origin, key, trust: as named by the environment, None when they are not."""

    home: Home
    port: int | None = None
    origin: str | None = None
    key: str | None = None
    trust: Path | None = None

    @classmethod
    def look(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Return what the environment names. Raises Rejected for a port, origin or key that cannot be one."""
        found = os.environ if environment is None else environment
        return cls(
            home=default_home(found),
            port=_port(found.get("DEEDLOG_PORT", "")),
            origin=_origin(found.get("DEEDLOG_ORIGIN", "").rstrip("/")),
            key=credential_in("DEEDLOG_KEY", found.get("DEEDLOG_KEY", "")),
            trust=Path(named).expanduser() if (named := found.get("DEEDLOG_TRUST")) else None,
        )

    def running(self) -> HouseState | None:
        """Return the house that runs in the data folder now, or None."""
        return running_state(self.home)

    def base_url(self) -> str:
        """Return the origin to talk to: the one named, else that of the house that runs here, else the usual port's."""
        if self.origin is not None:
            return self.origin
        state = self.running()
        port = state.port if state is not None else self.port or PORT
        return f"http://127.0.0.1:{port}"

    def credential(self) -> str:
        """Return what to show as operator. Raises Rejected when neither a key nor the folder's admin.key is there."""
        return self.key or self.home.admin_key()

    def layout(self, name: str = "shared") -> Layout:
        """Return the layout of a house started now. Raises Rejected for a name or port that cannot be."""
        return lay_out(name, self.port or PORT)

    def layout_of(self, state: HouseState) -> Layout:
        """Return the layout of the house that runs."""
        return lay_out(state.layout, state.port, state.services)

    def trust_file(self) -> Path:
        """Return the file of pinned keys: DEEDLOG_TRUST, else the data folder's."""
        return self.trust or self.home.trust_file


def credential_in(name: str, text: str) -> str | None:
    """Return the credential in `text`, None where nothing stands. Raises Rejected for what no header holds."""
    if any(not "!" <= one <= "~" for one in text):
        raise Rejected.of(
            name, "a key has letters, digits and signs, without blanks", "Copy it again, as it was shown."
        )
    return text or None


def _origin(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_one = False
    if text and not is_one:
        raise Rejected.of("DEEDLOG_ORIGIN", "it is no address of a house", "Name it like https://deedlog.example.")
    return text or None


def _port(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not PORT_FIRST <= int(text[:6]) <= PORT_LAST:
        raise Rejected.of(
            "DEEDLOG_PORT", f"expected {PORT_FIRST} to {PORT_LAST}, got {text[:20]!r}", f"Leave it out for {PORT}."
        )
    return int(text)

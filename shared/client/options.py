"""The bounds and choices of a client, all with safe defaults, and what both clients are built from."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx

from . import machine
from .access import Access, ClientCredentials, KeyAccess, TokenAccess
from .courier import Courier
from .spool import BYTES_MAX, ITEMS_MAX, Spool

USER_AGENT: Final = {"user-agent": "deedlog-client"}
GRANTS_PATH: Final = "/oauth/token"
CONNECT_SECONDS_MAX: Final = 5.0
SILENCE_SECONDS_MAX: Final = 30.0
"""Between two bytes of a request or a reply."""
ANSWER_BYTES_MAX: Final = 4 << 20
"""A receipt of 500 items has 20 KB; what is larger than this is no answer of the server's."""


@dataclass(frozen=True, slots=True)
class Options:
    """What may be chosen.

    items_max, bytes_max: how much the spool holds, what was refused included.
    wait_seconds: how long `send` waits for room in a full spool before it raises SpoolFull; 0 raises at once.
    is_power_safe: whether what was sent survives the loss of power (a flush to disk for each call) or, written ten
        times as fast, the death of the process only.
    is_gzipped: whether bodies of 1 KiB and more are sent compressed.
    is_plain_http_allowed: whether the key may go over http:// to another machine.
    """

    items_max: int = ITEMS_MAX
    bytes_max: int = BYTES_MAX
    wait_seconds: float = 5.0
    is_power_safe: bool = True
    is_gzipped: bool = True
    is_plain_http_allowed: bool = False


def opened(path: str | os.PathLike[str], options: Options) -> tuple[Spool, Courier]:
    """Return the spool in this file, held by the caller, and the courier that empties it."""
    spool = Spool(Path(path), options.items_max, options.bytes_max, is_power_safe=options.is_power_safe)
    return spool, Courier(spool, time.monotonic, machine.chance, is_gzipped=options.is_gzipped)


def address(origin: str, options: Options) -> httpx.URL:
    """Return the server's origin. Raises ValueError for what is none, and for http:// to another machine."""
    url = httpx.URL(origin)
    is_bare = url.path == "/" and not (url.query or url.fragment or url.userinfo)
    if url.scheme not in {"http", "https"} or not url.host or not is_bare:
        raise ValueError("the origin is scheme and host and no more, such as https://deedlog.example")
    _check_transport(url, options)
    return url


def access_of(key: str | ClientCredentials, origin: httpx.URL, options: Options) -> Access:
    """Return by what the client gets in. Raises ValueError for a key, an id, a secret or a token_url that is none."""
    if isinstance(key, str):
        return KeyAccess(key)
    token_url = str(origin.join(GRANTS_PATH)) if key.token_url is None else key.token_url
    url = httpx.URL(token_url)
    if url.scheme not in {"http", "https"} or not url.host or url.fragment or url.userinfo:
        raise ValueError("the token_url is an address such as https://deedlog.example/oauth/token")
    _check_transport(url, options)
    return TokenAccess(key, token_url, time.monotonic)


def patience() -> httpx.Timeout:
    """Return how long a request may take at each of its parts."""
    return httpx.Timeout(SILENCE_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)


def _check_transport(url: httpx.URL, options: Options) -> None:
    if url.scheme == "http" and not options.is_plain_http_allowed and not _is_here(url.host):
        raise ValueError("over http:// everybody on the way reads the key: use https://, or is_plain_http_allowed")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Pulls the statements of another learning record store, page by page, into files that are imported.

What was pulled lies in a file beside the data folder, with a note of how far it goes: the `more` link that follows, and
the time the last statement was stored. A page is on disk before the note names the next, so that whatever is killed
goes on behind the last page that is whole. The note stays; the next pull begins where this one ended.
"""

from __future__ import annotations

import base64
import json as jsonlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, Self
from urllib.parse import urljoin, urlsplit

import httpx

from shared.client.backoff import retry_after_seconds
from shared.kernel.clock import parse_rfc3339, rfc3339
from shared.kernel.errors import Rejected, Unavailable
from shared.kernel.ids import system_uuid7

SEGMENT_BYTES: Final = 64 << 20
"""Imported at once: what is pulled again when the file is lost."""
PAGE_BYTES_MAX: Final = 64 << 20
PAGE_STATEMENTS: Final = 200
TRIES: Final = 5
PAUSE_SECONDS: Final = 1.0
ASKED_SECONDS_MAX: Final = 300.0
"""The longest wait that a store's Retry-After gets; one that asks for more is come back to another time."""
TIMEOUT_SECONDS: Final = 60.0
EMPTY_PAGES_MAX: Final = 100
"""One after the other: a store that searches in steps may have some."""
OVERLAP: Final = timedelta(seconds=10)
"""Pulled again where no link leads on: with many stores the time of storing is not quite in order. What is known is a
duplicate."""
COUNTS: Final = ("stored", "duplicate", "conflict", "invalid")
_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Note:
    """How far a pull is. spooled: bytes of whole pages in the file; more: the next page, None before the first.

    name: the pull's own, which it keeps when it is gone on with; empty in a note of before pulls had names.
    """

    spooled: int = 0
    more: str | None = None
    since: str | None = None
    last_stored: str | None = None
    is_whole: bool = False
    statements: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    name: str = ""


Take = Callable[[BinaryIO, str], dict[str, Any]]
"""Imports a file for the pull of a name: gone on with it finds its import again, and another pull has one of its own,
also where the same bytes come."""


@dataclass(frozen=True, slots=True)
class Page:
    """One reply of the other store."""

    statements: list[dict[str, Any]]
    more: str | None


class RecordStore:
    """The other store, under Basic credentials. Raises Rejected for an address that would show them to others."""

    def __init__(self, url: str, user: str, password: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username:
            raise Rejected.of("--from-lrs", "it is no address of a store", "Name it like https://lrs.example/xapi.")
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            raise Rejected.of("--from-lrs", "over http everybody on the way reads the password", "Name it with https.")
        base = url.rstrip("/")
        self.statements_url = base if base.endswith("/statements") else f"{base}/statements"
        authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        headers = {"Authorization": authorization, "X-Experience-API-Version": "1.0.3", "Accept": "application/json"}
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, headers=headers, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def first(self, since: str | None) -> Page:
        """Return the oldest statements, or the oldest stored after `since`."""
        query = {"ascending": "true", "limit": str(PAGE_STATEMENTS)} | ({} if since is None else {"since": since})
        return self._page(str(httpx.URL(self.statements_url, params=query)))

    def next(self, more: str) -> Page:
        """Return the page a `more` link leads to. Raises Rejected for one that leads to another host."""
        try:
            url = urljoin(self.statements_url, more)
            is_here = _origin(url) == _origin(self.statements_url)
            httpx.URL(url)
        except (ValueError, httpx.InvalidURL):
            raise Rejected.of("more", "the store's link is no address", "Ask whoever runs the store.") from None
        if not is_here:
            raise Rejected.of("more", "the store's link leads to another host", "Ask whoever runs the store.")
        return self._page(url)

    def _page(self, url: str) -> Page:
        raw = self._read(url)
        try:
            reply = jsonlib.loads(raw)
            statements, more = reply["statements"], reply.get("more") or None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise _no_store() from None
        are_objects = isinstance(statements, list) and all(isinstance(one, dict) for one in statements)
        if not are_objects or not isinstance(more, str | None):
            raise _no_store()
        return Page(statements, more)

    def _read(self, url: str) -> bytes:
        """Return what is at the address, once it answers; TRIES times it is asked, as late as it says."""
        reason = ""
        for attempt in range(TRIES):
            asked = 0.0
            try:
                status, raw, headers = self._asked(url)
                if status == 200:
                    return raw
                if status < 500 and status != 429:
                    raise _refused(status)
                reason, asked = f"it answered {status}", retry_after_seconds(headers) or 0.0
            except httpx.HTTPError as error:
                reason = type(error).__name__
            if asked > ASKED_SECONDS_MAX:
                again = f"It asks to be left alone for {asked:.0f} s"
                raise Unavailable(f"{again} ({reason}). Run the same command then: it goes on from here.", asked)
            if attempt < TRIES - 1:
                self._sleep(max(asked, PAUSE_SECONDS * 2**attempt))
        raise Unavailable(f"The store does not answer ({reason}). Run the same command again: it goes on from here.")

    def _asked(self, url: str) -> tuple[int, bytes, httpx.Headers]:
        parts, size = [], 0
        with self._client.stream("GET", url) as response:
            for chunk in response.iter_bytes():
                size += len(chunk)
                if size > PAGE_BYTES_MAX:
                    raise Rejected.of("more", f"a page has more than {PAGE_BYTES_MAX} bytes", "Ask who runs the store.")
                parts.append(chunk)
        return response.status_code, b"".join(parts), response.headers


class LinkRefused(Rejected):
    """The store refuses the request; a link may have run out."""

    code = "link-refused"


class _Circle:
    """Knows the pages of one run, so that a store that leads on for ever is left. 16 bytes a page and link."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._empty = 0
        self._stuck_at: str | None = None

    def check(self, page: Page) -> None:
        """Raise Rejected for a link or a page that was there before, and for too many empty ones in a row."""
        if page.more is None:
            return
        self._empty = 0 if page.statements else self._empty + 1
        if self._empty > EMPTY_PAGES_MAX:
            rule = f"the store's links lead over more than {EMPTY_PAGES_MAX} empty pages"
            raise Rejected.of("more", rule, "Ask whoever runs the store.")
        self._once(f"link {page.more}")
        if page.statements:
            self._once(f"page {[one.get('id') for one in page.statements]}")

    def begin_anew(self, last_stored: str | None) -> None:
        """Have what was seen forgotten, since a link ran out. Raises Rejected where nothing new came since the last."""
        if last_stored is not None and last_stored == self._stuck_at:
            rule = "the store refuses its own links, and its statements are too dense to go on by time"
            raise Rejected.of("more", rule, "Ask whoever runs the store for links that live longer.")
        self._stuck_at = last_stored
        self._seen.clear()

    def _once(self, what: str) -> None:
        name = sha256(what.encode(errors="replace")).digest()[:16]
        if name in self._seen:
            raise Rejected.of("more", "the store's links lead in a circle", "Ask whoever runs the store.")
        self._seen.add(name)


class Pull:
    """A pull and what is on disk of it."""

    def __init__(self, store: RecordStore, folder: Path, user: str) -> None:
        self._store = store
        self._circle = _Circle()
        name = sha256(f"{store.statements_url}\n{user}".encode()).hexdigest()[:24]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._note_file = folder / f"lrs-{name}.json"
        self._spool_file = folder / f"lrs-{name}.jsonl"

    @property
    def is_gone_on(self) -> bool:
        """Whether an earlier pull from there broke off, with which `run` goes on."""
        note = self._read_note()
        return note is not None and _is_under_way(note)

    def run(self, since: str | None, take: Take, watch: Callable[[Note], None]) -> Note:
        """Have pulled and imported everything there is, and return the note of it: the figures of this pull alone.

        since: where to begin, unless an earlier pull broke off, which is gone on with; else behind the last pull.
        Raises Unavailable where the store or the disk does not do its part, Rejected where neither ever will.
        """
        try:
            return self._run(since, take, watch)
        except OSError as error:
            text = f"What was pulled cannot be kept in {self._spool_file.parent} ({error.strerror})"
            raise Unavailable(
                f"{text}. Make room there and run the same command again: it goes on from here."
            ) from None

    def _run(self, since: str | None, take: Take, watch: Callable[[Note], None]) -> Note:
        note = self._begun(since)
        with open(self._spool_file, "a+b", opener=_for_us_alone) as spool:
            if spool.tell() < note.spooled:  # the file was lost; what was imported of it comes again as duplicates
                note = Note(since=note.since, name=note.name)
            spool.truncate(note.spooled)
            while True:
                if note.spooled >= SEGMENT_BYTES or (note.is_whole and note.spooled):
                    note = self._taken(note, take(spool, note.name), spool)
                if note.is_whole:
                    break
                note = self._pulled(note, spool)
                watch(note)
        self._spool_file.unlink()
        return note

    def _begun(self, since: str | None) -> Note:
        note = self._read_note()
        name = str(system_uuid7())
        if note is None:
            return Note(since=since, name=name)
        if _is_under_way(note):
            return note
        return Note(since=since or _overlapping(note.last_stored), last_stored=note.last_stored, name=name)

    def _pulled(self, note: Note, spool: BinaryIO) -> Note:
        page = self._next_page(note)
        self._circle.check(page)
        spool.seek(0, os.SEEK_END)
        lines = [jsonlib.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in page.statements]
        # A lone surrogate is no character; the line is refused by its place, and the pull goes on.
        spool.write("".join(f"{line}\n" for line in lines).encode(errors="replace"))
        spool.flush()
        os.fsync(spool.fileno())
        stored = [one.get("stored") for one in page.statements]
        found = replace(
            note,
            spooled=spool.tell(),
            more=page.more,
            last_stored=stored[-1] if stored and isinstance(stored[-1], str) else note.last_stored,
            is_whole=page.more is None,
            statements=note.statements + len(lines),
        )
        self._keep(found)
        return found

    def _next_page(self, note: Note) -> Page:
        if note.more is None:
            return self._store.first(note.since)
        try:
            return self._store.next(note.more)
        except LinkRefused:
            if note.last_stored is None:
                raise
            self._circle.begin_anew(note.last_stored)
            return self._store.first(_overlapping(note.last_stored))

    def _taken(self, note: Note, one: dict[str, Any], spool: BinaryIO) -> Note:
        counts = {name: note.counts[name] + one["counts"][name] for name in COUNTS}
        taken = replace(note, spooled=0, counts=counts)
        self._keep(taken)
        spool.truncate(0)
        return taken

    def _read_note(self) -> Note | None:
        try:
            return Note(**jsonlib.loads(self._note_file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            raise Rejected.of(
                str(self._note_file), "it is no note of a pull", "Remove it; the pull begins anew."
            ) from None

    def _keep(self, note: Note) -> None:
        fresh = self._note_file.with_suffix(".new")
        with open(fresh, "w", opener=_for_us_alone) as file:
            file.write(jsonlib.dumps(asdict(note)))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._note_file)


def _for_us_alone(path: str, flags: int) -> int:
    """Open a file that nobody else may read, whatever the umask, and whatever it was before."""
    descriptor = os.open(path, flags, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _is_under_way(note: Note) -> bool:
    return bool(note.spooled) or not note.is_whole


def _overlapping(last_stored: str | None) -> str | None:
    """Return the time a bit before; the same where it is none we can read."""
    try:
        return None if last_stored is None else rfc3339(parse_rfc3339(last_stored) - OVERLAP)
    except ValueError:
        return last_stored


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _refused(status: int) -> Rejected:
    if status in {401, 403}:
        return Rejected.of("--user", f"the store answered {status}", "Name a user and password that may read there.")
    rule = f"the store refused the request with {status}"
    return LinkRefused.of("--from-lrs", rule, "Check the address; it ends in /xapi or /statements with most stores.")


def _no_store() -> Rejected:
    return Rejected.of("--from-lrs", "what answers there is no store of statements", "Check the address.")

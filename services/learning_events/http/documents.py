"""What the three document resources of xAPI have in common: names in the query, bodies of any type, tags and times.

`state.py` and `profiles.py` say what differs: path, scope, and what the query names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from services.learning_events.domain.actor import identifier
from services.learning_events.domain.agent_parameter import is_group, read_agent
from services.learning_events.domain.concurrency import check_blind_put
from services.learning_events.domain.document import (
    DEFAULT_MEDIA_TYPE,
    DOCUMENT_BYTES_MAX,
    MEDIA_TYPE_CHARACTERS_MAX,
    NAME_BYTES_MAX,
    Document,
    Holder,
    Place,
    Resource,
    Shelf,
)
from services.learning_events.domain.faults import Faults
from services.learning_events.domain.formats import check_iri, check_timestamp, check_uuid, instant
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.documents import DocumentKeeping, Guard
from services.learning_events.http.mounts import KEYS, MOUNTS, finishing, only, organisation, speaking
from shared.kernel.clock import Clock
from shared.kernel.errors import Rejected
from shared.runtime.etags import check_if_match, check_if_none_match, is_unchanged
from shared.runtime.http import Call, Endpoint, Reply, endpoint

# What was kept may be a page with scripts. Shown by a browser, it is nobody's page and may load and run nothing.
_HARMLESS: Final = {"Content-Security-Policy": "sandbox; default-src 'none'"}


@dataclass(frozen=True, slots=True)
class DocumentResource:
    """What one of the resources asks for. subjects: the parameters that name what its documents are about; name: the
    parameter that names a document; has_registration: whether one may be named; is_clearable: whether DELETE without a
    name removes all.
    """

    resource: Resource
    path: str
    scopes: frozenset[str]
    subjects: frozenset[str]
    name: str
    has_registration: bool = False
    is_clearable: bool = False

    @property
    def parameters(self) -> frozenset[str]:
        """All parameters of PUT, POST and DELETE."""
        return self.subjects | {self.name} | ({"registration"} if self.has_registration else set())


class DocumentsDoor:
    """One document resource, on each mount."""

    def __init__(self, keeping: DocumentKeeping, clock: Clock, spec: DocumentResource) -> None:
        self._keeping = keeping
        self._clock = clock
        self._spec = spec

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        operations = {"PUT": self.put, "POST": self.post, "GET": self.get, "DELETE": self.delete}
        return [
            endpoint(
                method,
                f"{base}{self._spec.path}",
                speaking(mount, operation),
                scopes=self._spec.scopes,
                kinds=KEYS,
                finish=finishing(mount),
            )
            for base, mount in MOUNTS.items()
            for method, operation in operations.items()
        ]

    async def put(self, call: Call, version: XapiVersion) -> Reply:
        """Have the body kept as the document, in place of what is kept."""
        place = self._place(call.query)
        sent = await self._sent(call)
        resource = self._spec.resource

        def guard(tag: str | None) -> None:
            _check_preconditions(call.headers, tag)
            if call.headers.keys().isdisjoint({"if-match", "if-none-match"}):
                check_blind_put(version, resource, is_kept=tag is not None)

        await self._keeping.put(_holder(call), place, sent, guard)
        return Reply.empty()

    async def post(self, call: Call, version: XapiVersion) -> Reply:
        """Have the body merged into the document, or kept as it where there is none (part 3, 2.2)."""
        place = self._place(call.query)
        await self._keeping.post(_holder(call), place, await self._sent(call), _guard(call.headers))
        return Reply.empty()

    async def get(self, call: Call, version: XapiVersion) -> Reply:
        """Answer with the document, or without a name with the names of all, or of those changed after `since`."""
        query = call.query
        only(query, self._spec.parameters | {"since"})
        since = _since(query)
        if self._spec.name not in query:
            registration = query.get("registration")
            shelf, holder = self._shelf(query), _holder(call)
            return Reply.json(await self._keeping.names(holder, shelf, registration and registration.lower(), since))
        document = await self._keeping.get(_holder(call), self._place(query, {"since"}))
        told = {"ETag": document.etag, "Last-Modified": format_datetime(document.modified_at, usegmt=True)}
        if is_unchanged(call.headers, document.etag):
            return Reply.empty(304, told)
        return Reply.raw(document.content, document.media_type, headers={**told, **_HARMLESS})

    async def delete(self, call: Call, version: XapiVersion) -> Reply:
        """Have the document removed, or, where that may be, without a name all of them."""
        query = call.query
        if self._spec.name in query or not self._spec.is_clearable:
            await self._keeping.delete(_holder(call), self._place(query), _guard(call.headers))
            return Reply.empty()
        only(query, self._spec.parameters)
        if "if-match" in call.headers:
            raise Rejected.of("if-match", "it is about one document", f"Name {self._spec.name}, or leave it out.")
        registration = query.get("registration")
        await self._keeping.delete_all(_holder(call), self._shelf(query), registration and registration.lower())
        return Reply.empty()

    async def _sent(self, call: Call) -> Document:
        media_type = call.headers.get("content-type", DEFAULT_MEDIA_TYPE)
        if len(media_type) > MEDIA_TYPE_CHARACTERS_MAX or "/" not in media_type or not media_type.isprintable():
            rule = f"it is no media type of at most {MEDIA_TYPE_CHARACTERS_MAX} characters"
            raise Rejected.of("content-type", rule, f"Send one such as {DEFAULT_MEDIA_TYPE}.")
        return Document(await call.body_bytes(DOCUMENT_BYTES_MAX), media_type, self._clock.now())

    def _place(self, query: Mapping[str, str], more: set[str] | None = None) -> Place:
        """Return the place that the query names. Raises Rejected where it is not named in full."""
        only(query, self._spec.parameters | (more or set()))
        shelf = self._shelf(query)
        name = _required(query, self._spec.name)
        if not name or len(name.encode()) > NAME_BYTES_MAX:
            rule = f"it has 1 to {NAME_BYTES_MAX} bytes in UTF-8, got {len(name.encode())}"
            raise Rejected.of(self._spec.name, rule, "Name the document otherwise.")
        return Place(shelf, query.get("registration", "").lower(), name)

    def _shelf(self, query: Mapping[str, str]) -> Shelf:
        """Return what the documents are about. Raises Rejected."""
        found = Faults()
        activity = agent = ""
        is_person = False
        if "activityId" in self._spec.subjects:
            activity = _required(query, "activityId")
            check_iri(activity, "activityId", found)
        if "registration" in query:
            check_uuid(query["registration"], "registration", found)
        if found.listed:
            raise Rejected.of(found.listed[0].pointer, found.listed[0].rule, found.listed[0].mend)
        if "agent" in self._spec.subjects:
            named = read_agent(_required(query, "agent"))
            agent, is_person = identifier(named, ""), not is_group(named)
        return Shelf(self._spec.resource, activity, agent, is_person)


def _required(query: Mapping[str, str], name: str) -> str:
    if name not in query:
        raise Rejected.of(name, "the query does not name it", f"Add {name}=… to the query.")
    return query[name]


def _since(query: Mapping[str, str]) -> datetime | None:
    if "since" not in query:
        return None
    found = Faults()
    check_timestamp(query["since"], "since", found)
    if found.listed:
        raise Rejected.of("since", found.listed[0].rule, found.listed[0].mend)
    return instant(query["since"])


def _holder(call: Call) -> Holder:
    return Holder(organisation(call), call.principal.is_test)


def _guard(headers: Mapping[str, str]) -> Guard:
    return lambda tag: _check_preconditions(headers, tag)


def _check_preconditions(headers: Mapping[str, str], tag: str | None) -> None:
    """Raise PreconditionFailed unless what is kept is what the caller named (RFC 9110 §13.1)."""
    check_if_match(headers, tag)
    check_if_none_match(headers, tag)

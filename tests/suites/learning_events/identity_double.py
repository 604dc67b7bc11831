"""Stands in for identity over real gRPC: knows keys, mints people, can be away, and counts what it is asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from deedlog.identity.v1 import identity_pb2, service_pb2_grpc
from shared.kernel.errors import Rejected, Unauthenticated, Unavailable
from shared.kernel.ids import system_id
from shared.runtime.auth import Principal, nobody


@dataclass
class IdentityDouble(service_pb2_grpc.IdentityServiceServicer):
    """Some methods of identity, as its contract has them."""

    keys: dict[str, Principal] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    accounts: dict[tuple[str, str], identity_pb2.ResolvedAccount] = field(default_factory=dict)
    erased: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    unnameable: set[str] = field(default_factory=set)
    is_away: bool = False

    async def Authenticate(  # noqa: N802 - gRPC
        self, request: identity_pb2.AuthenticateRequest, context: Any
    ) -> identity_pb2.AuthenticateResponse:
        principal = self.keys.get(request.secret)
        if request.secret in self.ended:
            raise Unauthenticated.of("authorization", self.ended[request.secret], "Use one that is valid.")
        if principal is None or request.key_id not in {"", principal.id}:
            raise nobody()
        return identity_pb2.AuthenticateResponse(
            kind=principal.kind,
            id=principal.id,
            organisation=principal.organisation or "",
            person=principal.person or "",
            scopes=sorted(principal.scopes),
            is_test=principal.is_test,
        )

    async def NameKey(  # noqa: N802 - gRPC
        self, request: identity_pb2.NameKeyRequest, context: Any
    ) -> identity_pb2.NameKeyResponse:
        if self.is_away:
            raise Unavailable("identity does not reach its database", 2)
        self.asked["NameKey"] += 1
        if request.key_id in self.unnameable:
            raise Rejected.of("/key_id", "it is no id", "Send one.")
        named = [one for one in self.keys.values() if one.id == request.key_id]
        meant = named[0] if named else None if request.key_id else self.keys.get(request.secret)
        if meant is None:
            return identity_pb2.NameKeyResponse()
        is_right = self.keys.get(request.secret) == meant
        return identity_pb2.NameKeyResponse(
            key=meant.id, organisation=meant.organisation or "", is_test=meant.is_test, is_secret_right=is_right
        )

    async def ResolveAccounts(  # noqa: N802 - gRPC
        self, request: identity_pb2.ResolveAccountsRequest, context: Any
    ) -> identity_pb2.ResolveAccountsResponse:
        if self.is_away:
            raise Unavailable("identity does not reach its database", 2)
        assert len(set(request.identifiers)) == len(request.identifiers) <= 1_000
        self.asked.update(request.identifiers)
        found = [self.account(request.organisation, identifier) for identifier in request.identifiers]
        return identity_pb2.ResolveAccountsResponse(accounts=found)

    async def LookUpAccounts(  # noqa: N802 - gRPC
        self, request: identity_pb2.LookUpAccountsRequest, context: Any
    ) -> identity_pb2.LookUpAccountsResponse:
        if self.is_away:
            raise Unavailable("identity does not reach its database", 2)
        known = [self.accounts.get((request.organisation, identifier)) for identifier in request.identifiers]
        return identity_pb2.LookUpAccountsResponse(accounts=[one for one in known if one is not None])

    async def ListAccounts(  # noqa: N802 - gRPC
        self, request: identity_pb2.ListAccountsRequest, context: Any
    ) -> identity_pb2.ListAccountsResponse:
        if self.is_away:
            raise Unavailable("identity does not reach its database", 2)
        known = self.accounts.get((request.organisation, request.identifier))
        found = [
            account
            for (organisation, _), account in self.accounts.items()
            if known is not None and organisation == request.organisation and account.person == known.person
        ]
        return identity_pb2.ListAccountsResponse(accounts=found)

    async def ListErasedAccounts(  # noqa: N802 - gRPC
        self, request: identity_pb2.ListErasedAccountsRequest, context: Any
    ) -> identity_pb2.ListErasedAccountsResponse:
        if self.is_away:
            raise Unavailable("identity does not reach its database", 0.1)
        response = identity_pb2.ListErasedAccountsResponse()
        for organisation, identifier in self.erased.get(request.person, ()):
            response.accounts.add(organisation=organisation, identifier=identifier)
        return response

    async def ForgetErasedAccounts(  # noqa: N802 - gRPC
        self, request: identity_pb2.ForgetErasedAccountsRequest, context: Any
    ) -> identity_pb2.ForgetErasedAccountsResponse:
        self.erased.pop(request.person, None)
        return identity_pb2.ForgetErasedAccountsResponse()

    def erase(self, person: str) -> None:
        """Have the person's accounts be strangers' from now on, and told to who asks for whom was erased."""
        gone = [key for key, account in self.accounts.items() if account.person == person]
        self.erased[person] = [(organisation, identifier) for organisation, identifier in gone]
        for key in gone:
            del self.accounts[key]

    def account(self, organisation: str, identifier: str) -> identity_pb2.ResolvedAccount:
        """Return the account, minted when it is new."""
        known = self.accounts.get((organisation, identifier))
        if known is None:
            known = identity_pb2.ResolvedAccount(
                identifier=identifier, account=system_id("account"), person=system_id("person")
            )
            self.accounts[organisation, identifier] = known
        return known

    def move(self, organisation: str, identifier: str, person: str) -> None:
        """Have the account belong to another person, as after a merge."""
        self.account(organisation, identifier).person = person

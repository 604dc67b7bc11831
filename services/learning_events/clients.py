"""What learning_events calls: identity, for the people behind accounts; skill_inference, for a dry run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Final

import grpc

from deedlog.identity.v1 import identity_pb2, service_pb2_grpc
from deedlog.skill_inference.v1 import service_pb2_grpc as inference_grpc
from deedlog.skill_inference.v1 import skill_inference_pb2
from services.learning_events.domain.arrival import Account
from services.learning_events.handlers.barring import MeantKey
from shared.kernel.clock import Clock
from shared.kernel.errors import Broken, Rejected, Unavailable
from shared.kernel.ids import AccountId, PersonId
from shared.runtime import telemetry
from shared.runtime.grpc import kernel_errors

CALL_SECONDS: Final = 3.0
"""A sender waits for this; past it, identity counts as unreachable and nothing is stored."""


class IdentityPeople:
    """Asks identity whose accounts are, once a request for all that are not remembered.

    What it answered is remembered for `ttl_seconds` or until `forget`, which is called when a merge, a split or an
    erasure was heard. Facts told in between stand in the stream of an alias, which every consumer applies to the
    canonical person.
    """

    def __init__(self, channel: grpc.aio.Channel, clock: Clock, ttl_seconds: float, entries_max: int) -> None:
        self._identity = service_pb2_grpc.IdentityServiceStub(channel)
        self._clock = clock
        self._ttl_seconds = ttl_seconds
        self._entries_max = entries_max
        self._known: OrderedDict[tuple[str, str], tuple[float, Account]] = OrderedDict()
        self._forgets = 0

    async def resolve(self, organisation: str, identifiers: Collection[str]) -> dict[str, Account]:
        """Return the account of each identifier; people are minted as needed.

        Raises Unavailable when identity does not answer and one of them is not remembered.
        """
        now = self._clock.monotonic()
        accounts: dict[str, Account] = {}
        missing: list[str] = []
        for identifier in identifiers:
            known = self._known.get((organisation, identifier))
            if known is not None and known[0] > now:
                accounts[identifier] = known[1]
            else:
                missing.append(identifier)
        if missing:
            accounts |= await self._ask(organisation, missing)
        return accounts

    async def look_up(self, organisation: str, identifiers: Collection[str]) -> dict[str, Account]:
        """Return the accounts that exist; nobody is minted, and nothing is remembered. Raises Unavailable."""
        request = identity_pb2.LookUpAccountsRequest(organisation=organisation, identifiers=identifiers)
        with kernel_errors("identity"):
            answer = await self._identity.LookUpAccounts(request, timeout=CALL_SECONDS)
        return {one.identifier: Account(AccountId(one.account), PersonId(one.person)) for one in answer.accounts}

    async def beside(self, organisation: str, identifier: str) -> list[str]:
        """Return the identifiers of all accounts that this account's person has at the organisation.

        None where the account does not exist. Raises Unavailable.
        """
        request = identity_pb2.ListAccountsRequest(organisation=organisation, identifier=identifier)
        with kernel_errors("identity"):
            answer = await self._identity.ListAccounts(request, timeout=CALL_SECONDS)
        return [one.identifier for one in answer.accounts]

    async def erased_accounts(self, person: str) -> list[tuple[str, str]]:
        """Return organisation and identifier of each account that an erased person had. Raises Unavailable."""
        request = identity_pb2.ListErasedAccountsRequest(person=person)
        with kernel_errors("identity"):
            answer = await self._identity.ListErasedAccounts(request, timeout=CALL_SECONDS)
        return [(one.organisation, one.identifier) for one in answer.accounts]

    async def forget_erased(self, person: str) -> None:
        """Have identity forget which accounts an erased person had. Raises Unavailable."""
        request = identity_pb2.ForgetErasedAccountsRequest(person=person)
        with kernel_errors("identity"):
            await self._identity.ForgetErasedAccounts(request, timeout=CALL_SECONDS)

    def forget(self, people: Collection[str]) -> None:
        """Remember no account of these people any more. An answer on its way was asked before, and is not kept."""
        self._forgets += 1
        for key in [key for key, (_, account) in self._known.items() if account.person in people]:
            del self._known[key]

    async def _ask(self, organisation: str, identifiers: list[str]) -> dict[str, Account]:
        request = identity_pb2.ResolveAccountsRequest(organisation=organisation, identifiers=identifiers)
        asked_at, forgets = self._clock.monotonic(), self._forgets
        with kernel_errors("identity"):
            answer = await self._identity.ResolveAccounts(request, timeout=CALL_SECONDS)
        accounts = {one.identifier: Account(AccountId(one.account), PersonId(one.person)) for one in answer.accounts}
        if accounts.keys() != set(identifiers):
            raise Broken("identity answered for other accounts than it was asked for")
        for identifier, account in accounts.items() if forgets == self._forgets else ():
            self._remember((organisation, identifier), asked_at + self._ttl_seconds, account)
        return accounts

    def _remember(self, key: tuple[str, str], until: float, account: Account) -> None:
        self._known[key] = (until, account)
        self._known.move_to_end(key)
        if len(self._known) > self._entries_max:
            self._known.popitem(last=False)
            telemetry.count_bound("learning-events-people")


class IdentityKeys:
    """Asks identity which key a credential that opens nothing was meant to be."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._identity = service_pb2_grpc.IdentityServiceStub(channel)

    async def meant(self, secret: str, key_id: str) -> MeantKey | None:
        """Return the key that was meant; None where it is none that was ever made. Raises Unavailable."""
        with kernel_errors("identity"):
            request = identity_pb2.NameKeyRequest(secret=secret, key_id=key_id)
            answer = await self._identity.NameKey(request, timeout=CALL_SECONDS)
        if not answer.key:
            return None
        return MeantKey(answer.key, answer.organisation, answer.is_test, answer.is_secret_right)


class InferenceSkills:
    """Asks skill_inference what activities are aligned to."""

    def __init__(self, open_channel: Callable[[], grpc.aio.Channel]) -> None:
        self._open_channel = open_channel

    async def touched(self, organisation: str, activities: Collection[str]) -> dict[str, list[str]]:
        """Return the skills of each activity that is aligned. Raises Unavailable, also where it has no address."""
        try:
            stub = inference_grpc.SkillInferenceServiceStub(self._open_channel())
        except Rejected:
            raise Unavailable("skill_inference has no address here") from None
        request = skill_inference_pb2.ListTouchedSkillsRequest(organisation=organisation, activities=activities)
        with kernel_errors("skill_inference"):
            answer = await stub.ListTouchedSkills(request, timeout=CALL_SECONDS)
        return {one.activity: list(one.skills) for one in answer.activities}

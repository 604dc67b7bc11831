"""Wires identity together: settings in, a Service out."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import Final, cast

from deedlog.identity.v1 import service_pb2_grpc
from services.identity.handlers.accounts import Accounts
from services.identity.handlers.authentication import Authentication
from services.identity.handlers.consents import Consents
from services.identity.handlers.erasure import Erasures
from services.identity.handlers.key_naming import KeyNaming
from services.identity.handlers.linked_accounts import LinkedAccounts
from services.identity.handlers.linking import Linking
from services.identity.handlers.organisations import Organisations
from services.identity.handlers.people import People
from services.identity.handlers.personas import Personas
from services.identity.handlers.recent_accounts import RecentAccounts
from services.identity.handlers.token_issuing import TokenIssuing
from services.identity.http.account_links import link_endpoints
from services.identity.http.consents import consent_endpoints
from services.identity.http.erasures import erasure_endpoints
from services.identity.http.oauth import oauth_endpoints
from services.identity.http.organisations import organisation_endpoints
from services.identity.http.people import development_sign_in, people_endpoints
from services.identity.http.personas import persona_endpoints
from services.identity.rpc import IdentityServicer
from services.identity.settings import IdentitySettings
from services.identity.store.access_tokens import PostgresAccessTokens
from services.identity.store.accounts import PostgresAccounts
from services.identity.store.consents import PostgresConsents
from services.identity.store.credentials import PostgresCredentials
from services.identity.store.erased_accounts import PostgresErasedAccounts
from services.identity.store.links import PostgresLinks
from services.identity.store.named_keys import PostgresNamedKeys
from services.identity.store.organisations import PostgresOrganisations
from services.identity.store.people import PostgresPeople
from services.identity.store.personas import PostgresPersonas
from shared.events.sources import IDENTITY
from shared.kernel.ids import FactId, prefixed, system_fact_id, system_id, system_uuid7
from shared.runtime import telemetry
from shared.runtime.auth import SCOPES, expand_scopes
from shared.runtime.backbone import Backbone
from shared.runtime.background import Task
from shared.runtime.operator_http import operator_endpoints
from shared.runtime.service import Peers, RpcDoor, Service, main
from shared.runtime.settings import Settings

SETTINGS: Final = IdentitySettings
KEY_VOCABULARY: Final = SCOPES | {"all"}
_OWN_PREFIXES: Final = {"link": "lnk", "persona": "psn"}
"""Kinds of ids that nobody but identity makes."""
_log = logging.getLogger(__name__)


class SystemMint:
    """A Mint on the machine's clock and randomness."""

    def id(self, kind: str) -> str:
        """Return a fresh identifier."""
        own = _OWN_PREFIXES.get(kind)
        return system_id(kind) if own is None else prefixed(own, system_uuid7())

    def fact_id(self) -> FactId:
        """Return a fresh fact id."""
        return system_fact_id()

    def random_bytes(self, count: int) -> bytes:
        """Return `count` bytes that nobody can guess."""
        return secrets.token_bytes(count)


def build(settings: Settings, peers: Peers) -> Service:
    """Return identity, built and not started. `settings` are IdentitySettings."""
    settings = cast("IdentitySettings", settings)
    clock, mint = peers.clock, SystemMint()
    backbone = Backbone(settings, clock, Path(__file__).parent, source=IDENTITY, feed=peers.feed())
    idempotency = backbone.idempotency()
    recent = RecentAccounts(clock, lambda dropped: telemetry.count_bound("recent-accounts", dropped))
    account_store, links = PostgresAccounts(backbone), PostgresLinks(backbone)
    accounts = Accounts(account_store, recent, clock, mint)
    linking = Linking(links, account_store, recent, clock, mint)
    linked = LinkedAccounts(links, linking, clock)
    personas = Personas(PostgresPersonas(backbone), accounts, recent, clock, mint)
    erasures = Erasures(links, recent, clock, mint)
    people = People(PostgresPeople(backbone), clock, mint)
    consents = Consents(PostgresConsents(backbone), clock, mint)
    organisations = Organisations(PostgresOrganisations(backbone), clock, mint, KEY_VOCABULARY)
    authentication = Authentication(PostgresCredentials(backbone), clock, settings.admin_digest, SCOPES)
    tokens = PostgresAccessTokens(backbone, clock)
    issuing = TokenIssuing(tokens, authentication, clock, mint, expand_scopes)
    endpoints = [
        *organisation_endpoints(organisations, idempotency),
        *oauth_endpoints(issuing, settings.origin, KEY_VOCABULARY),
        *people_endpoints(people, idempotency),
        *consent_endpoints(consents, idempotency),
        *link_endpoints(linking, linked, people, idempotency),
        *persona_endpoints(personas, idempotency),
        *erasure_endpoints(erasures, idempotency),
        *operator_endpoints(peers.channel, list(settings.rpc_addresses)),
    ]
    if settings.is_embedded:
        _log.warning("DEVELOPMENT SIGN-IN IS ON: whoever holds the admin key can sign in as any person, without proof")
        endpoints += development_sign_in(people, idempotency)
    naming = KeyNaming(PostgresNamedKeys(backbone))
    servicer = IdentityServicer(authentication, naming, accounts, people, consents, PostgresErasedAccounts(backbone))
    return Service(
        backbone,
        endpoints=endpoints,
        doors=[RpcDoor(servicer, service_pb2_grpc.add_IdentityServiceServicer_to_server)],
        components=[
            Task("identity.idempotency", idempotency.keep_purging),
            Task("identity.access-tokens", tokens.keep_purging),
        ],
    )


if __name__ == "__main__":
    main("identity", build, SETTINGS)

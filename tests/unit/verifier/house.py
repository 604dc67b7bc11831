"""A small house that issues one credential and logs it, so that a presentation can be made, bent and verified."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from services.credential_issuing.domain.claim import Alignment, Claim, Evidence, Skill
from services.credential_issuing.domain.did_web import IssuerKey, did_document, did_web
from services.credential_issuing.domain.issuing import Signed, sign
from services.credential_issuing.domain.open_badge import Issuer, open_badge
from services.credential_issuing.domain.presentation import presentation
from services.credential_issuing.domain.status_list import StatusEntry, status_list
from services.record_log.domain.event import MAIN, RecordEvent, record_event
from services.record_log.domain.global_log import checkpoint, extend, head_proof
from services.record_log.domain.opening import open_stream
from services.record_log.domain.proofs import open_entry, record_proof, stream_path
from services.record_log.domain.stream import Appended, append
from shared.events.credentials import CredentialIssued
from shared.events.fact import Fact
from shared.kernel import canonical_json
from shared.kernel.clock import parse_rfc3339
from shared.kernel.hashing import sha256
from shared.kernel.ids import FactId, PersonId
from shared.kernel.merkle import Frontier, Tree, leaf_hash
from shared.kernel.record_leaf import BLIND_SIZE, TAG_SIZE, HeadLeaf
from shared.kernel.signed_note import VerifierKey
from shared.kernel.signing import Ed25519Signer
from shared.verifier import TrustStore

NOW = parse_rfc3339("2026-11-23T12:00:00Z")
ISSUED_AT = NOW - timedelta(days=10)
ORIGIN = "https://deedlog.example"
DID = did_web(ORIGIN)
LOG = "deedlog.example/log"
LIST_URL = f"{ORIGIN}/v1/status-lists/1"
PERSON = PersonId("prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC")
OTHER_PERSON = PersonId("prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAD")
INDEX = 4_711

Json = dict[str, Any]


def signer(number: int) -> Ed25519Signer:
    return Ed25519Signer.from_seed(number.to_bytes(32, "big"))


ISSUER_KEY, LOG_KEY, STRANGER_KEY = signer(1), signer(2), signer(3)


def vkey(key: Ed25519Signer = LOG_KEY, origin: str = LOG) -> str:
    return str(VerifierKey(origin, key.public_key))


TRUST = TrustStore().with_issuer(DID, ISSUER_KEY.multikey).with_log(vkey())


def claim(person: PersonId = PERSON) -> Claim:
    skill = Skill(
        iri=f"{ORIGIN}/v1/skills/ops.recovery_test",
        code="ops.recovery_test",
        name="Recovery testing",
        description="Shows that a service comes back after it was broken on purpose.",
        framework="Deedlog skills",
        alignments=(
            Alignment(
                "perform software recovery testing",
                "http://data.europa.eu/esco/skill/ff25cbf0-6978-4c4c-887e-d4b185410d74",
                "ESCO",
            ),
        ),
    )
    evidence = (
        Evidence(f"{ORIGIN}/v1/evidence/1", "Pipeline", "The pipeline ran on every change.", "B", sha256(b"one")),
        Evidence(f"{ORIGIN}/v1/evidence/2", "Release", "A signed release was deployed.", "A", sha256(b"two")),
    )
    return Claim(
        person=person,
        skill=skill,
        level=3,
        level_max=5,
        probability=0.9349,
        interval_low=0.815,
        interval_high=2.404,
        works=4,
        raters=2,
        release="release-0",
        rule="deedlog-rule-1",
        criteria="A level is reached at its cut point on the scale of the release.",
        evidence=evidence,
    )


def credential(
    person: PersonId = PERSON, index: int = INDEX, key: Ed25519Signer = ISSUER_KEY, at: datetime = ISSUED_AT
) -> Signed:
    unsigned = open_badge(
        f"{ORIGIN}/credentials/vcr_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC",
        Issuer(DID, "Deedlog", ORIGIN),
        claim(person),
        StatusEntry(LIST_URL, index),
        at,
        at + timedelta(days=730),
    )
    return sign(unsigned, DID, key, at)


def signed_list(
    revoked: frozenset[int] = frozenset(), key: Ed25519Signer = ISSUER_KEY, at: datetime = NOW, url: str = LIST_URL
) -> Json:
    unsigned = status_list(url, DID, revoked, at - timedelta(hours=1), timedelta(hours=24))
    return sign(unsigned, DID, key, at).document


def documented(*keys: Ed25519Signer, did: str = DID) -> Json:
    return did_document(did, [IssuerKey(key.multikey) for key in keys or (ISSUER_KEY,)])


def issued_event(issued: Signed, person: PersonId = PERSON, number: int = 1) -> RecordEvent:
    told = CredentialIssued(
        credential="vcr_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC",
        skill="ops.recovery_test",
        level=3,
        issuer=DID,
        digest=issued.digest,
        status_list=LIST_URL,
        status_index=INDEX,
        policy="deedlog-rule-1",
        release="release-0",
        estimate="01937a00-0000-7000-8000-000000000000",
        valid_from=ISSUED_AT,
        valid_until=ISSUED_AT + timedelta(days=730),
    )
    new = told.fact(FactId(f"01937a00-0000-7000-8000-{number:012d}"), person, ISSUED_AT)
    fact = Fact(new.id, "credential_issuing", new.subject, number, new.type, ISSUED_AT, ISSUED_AT, None, new.data)
    return record_event(fact.attributes(), canonical_json.loads(new.data))


class Record:
    """A person's stream with one event among others, in a log with other people's heads."""

    def __init__(self, event: RecordEvent, person: PersonId = PERSON, seed: int = 7) -> None:
        randomness = random.Random(seed)
        opened = open_stream(person, MAIN, ISSUED_AT, randomness.randbytes)
        before = [_padding_event(person, number) for number in range(2, 5)]
        self.appended = append(
            opened.state, [opened.event, *before, event, _padding_event(person, 9)], randomness.randbytes
        )
        self.place = 4
        self.heads = [_padding_head(randomness) for _ in range(5)]
        self.heads.insert(3, self.appended.head.leaf)

    def proof(self, origin: str = LOG, key: Ed25519Signer = LOG_KEY) -> Json:
        log = Tree(leaf_hash(leaf) for leaf in self.heads)
        note = checkpoint(origin, extend(Frontier(), self.heads).frontier, key)
        stream = stream_tree(self.appended)
        leaf = self.appended.head.leaf
        return record_proof(
            open_entry(self.appended.entries[self.place]),
            stream_path(self.place, leaf, stream.fetch),
            leaf,
            head_proof(self.heads.index(leaf), log.size, log.fetch, note),
        )


def stream_tree(appended: Appended) -> Tree:
    return Tree(leaf_hash(entry.leaf) for entry in appended.entries)


def _padding_event(person: PersonId, number: int) -> RecordEvent:
    return issued_event(Signed({"id": f"urn:padding:{number}"}, b"padding"), person, number)


def _padding_head(randomness: random.Random) -> bytes:
    take = randomness.randbytes
    return HeadLeaf(take(TAG_SIZE), 1, take(32), take(BLIND_SIZE)).encode()


def good() -> Json:
    """Return a presentation in which everything holds at NOW under TRUST."""
    issued = credential()
    return presentation(issued.document, documented(), signed_list(), Record(issued_event(issued)).proof())


def bent(*steps: str | int, to: Callable[[Any], Any]) -> Json:
    """Return the good presentation with the member at this path replaced by `to` of itself."""
    whole = copy.deepcopy(good())
    place: Any = whole
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = to(place[steps[-1]])
    return whole


def file_of(value: Json) -> bytes:
    return canonical_json.dumps(value)

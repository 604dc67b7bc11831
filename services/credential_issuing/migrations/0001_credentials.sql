-- What was issued, by which keys, and whether it holds. Never rebuilt: a credential that is out cannot be issued anew.
-- Nothing here belongs to a tenant: the house issues, and a credential is its person's; the doors ask by person.

-- Every key a document was ever signed with: did:web has no history, so its document lists them all.
CREATE TABLE issuer_keys (
    did        text        NOT NULL,
    multikey   text        NOT NULL,
    added_at   timestamptz NOT NULL,
    has_leaked boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (did, multikey)
);

CREATE SEQUENCE status_list_ids;

-- The newest list of an issuer takes entries until it is full. `document` is the list as it was signed last.
CREATE TABLE status_lists (
    id             bigint      PRIMARY KEY,
    did            text        NOT NULL,
    url            text        NOT NULL UNIQUE,
    allocated      integer     NOT NULL DEFAULT 0,
    document       bytea,
    signed_at      timestamptz,
    signed_revoked integer,                               -- entries that were revoked in `document`
    CHECK (num_nulls(document, signed_at, signed_revoked) IN (0, 3))
);
CREATE INDEX status_lists_of_issuer ON status_lists (did, id);

-- An index is taken once, by this key. A revocation is one update of one row and is never taken back.
CREATE TABLE status_entries (
    list       bigint  NOT NULL REFERENCES status_lists,
    index      integer NOT NULL CHECK (index >= 0),
    revoked_at timestamptz,
    reason     text,
    PRIMARY KEY (list, index),
    CHECK (num_nulls(revoked_at, reason) IN (0, 2))
);
CREATE INDEX status_entries_revoked ON status_entries (list, index) WHERE revoked_at IS NOT NULL;

-- `renewal` counts credentials of the same level before this one, all of which had run out: so that one estimate heard
-- twice, or by two, is one credential, whatever else fails.
CREATE TABLE credentials (
    id              text        PRIMARY KEY,
    person          text        NOT NULL,
    skill           text        NOT NULL,
    level           smallint    NOT NULL,
    rule            text        NOT NULL,
    renewal         smallint    NOT NULL,
    estimate        uuid        NOT NULL,                 -- the fact it was issued from
    estimate_number bigint      NOT NULL,
    fact_id         uuid        NOT NULL,                 -- the fact that tells it
    issued_at       timestamptz NOT NULL,
    valid_until     timestamptz NOT NULL,
    list            bigint      NOT NULL,
    index           integer     NOT NULL,
    document        bytea,                                -- canonical JSON with its proof; null once erased
    UNIQUE (person, skill, level, rule, renewal),
    UNIQUE (list, index),
    FOREIGN KEY (list, index) REFERENCES status_entries
);

-- Facts of project_submissions, as they were told, that a credential may point to. `data` is null for those that say
-- nothing to a credential, and once erased.
CREATE TABLE testimonies (
    fact_id uuid   PRIMARY KEY,
    person  text   NOT NULL,
    number  bigint NOT NULL,
    type    text   NOT NULL,
    data    bytea
);
CREATE INDEX testimonies_of_person ON testimonies (person, number);

-- Estimates that earned a credential before the facts it is to point to were heard.
CREATE TABLE waiting (
    fact_id uuid        PRIMARY KEY,
    person  text        NOT NULL,
    skill   text        NOT NULL,
    number  bigint      NOT NULL,
    at      timestamptz NOT NULL,
    data    bytea       NOT NULL,
    needed  uuid[]      NOT NULL
);
CREATE INDEX waiting_of_person ON waiting (person, skill);

-- One row for each person who is known by another's id at present, as the person's own stream at identity tells it.
CREATE TABLE aliases (
    alias     text PRIMARY KEY,
    canonical text NOT NULL
);
CREATE INDEX aliases_of_canonical ON aliases (canonical);

-- People whom identity erased: nothing is issued to them any more.
CREATE TABLE erased_people (
    person text PRIMARY KEY
);

-- Erasures that were heard and are not carried out yet.
CREATE TABLE erasures (
    person  text   NOT NULL,
    source  text   NOT NULL,
    through bigint NOT NULL,
    PRIMARY KEY (person, source)
);

CREATE TABLE idempotency_keys (
    caller         text        NOT NULL,
    key            text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_digest bytea       NOT NULL CHECK (octet_length(request_digest) = 32),
    started_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    status         smallint,
    media_type     text,
    headers        text,
    content        bytea,
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

GRANT USAGE ON SEQUENCE status_list_ids TO :backbone;
GRANT SELECT, INSERT ON issuer_keys TO :backbone;
GRANT SELECT, INSERT, UPDATE ON status_lists, status_entries, credentials TO :backbone;
GRANT SELECT, INSERT, UPDATE, DELETE ON testimonies, waiting, aliases, erased_people, erasures TO :backbone;

GRANT SELECT, INSERT ON issuer_keys TO :door;
GRANT SELECT ON credentials, aliases TO :door;
GRANT SELECT, UPDATE (document, signed_at, signed_revoked) ON status_lists TO :door;
GRANT SELECT, UPDATE (revoked_at, reason) ON status_entries TO :door;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO :door;

-- Who is who. Run as the service's owner; :door acts for one organisation, or for none; :backbone sees all tenants.
--
-- Organisations, their keys and their accounts belong to a tenant and are guarded by row-level security. People, what
-- makes several of them one, their sessions and their consents belong to nobody but the person: no tenant, no policy.

CREATE TABLE organisations (
    id         text        PRIMARY KEY,
    name       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
    id           text        PRIMARY KEY,
    organisation text        NOT NULL REFERENCES organisations,
    name         text,
    digest       bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),   -- SHA-256 of the secret
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    is_test      boolean     NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);
CREATE INDEX api_keys_of_organisation ON api_keys (organisation, id);

-- An erased person stays as an id and a time, because facts of others may name it.
CREATE TABLE people (
    id            text        PRIMARY KEY,
    name          text        CHECK (length(name) BETWEEN 1 AND 200),
    origin        text        NOT NULL CHECK (origin IN ('account', 'admin')),
    registered_at timestamptz NOT NULL,
    erased_at     timestamptz
);

-- An account never changes its person: merges and splits move the alias below, so a split needs to restore nothing.
CREATE TABLE accounts (
    id           text        PRIMARY KEY,
    organisation text        NOT NULL REFERENCES organisations,
    identifier   text        NOT NULL CHECK (octet_length(identifier) <= 1500),
    person       text        NOT NULL REFERENCES people,
    linked_at    timestamptz NOT NULL,
    UNIQUE (organisation, identifier)
);
CREATE INDEX accounts_of_person ON accounts (person);

-- One row for each person who is known by another's id at present; always one step, never a chain.
CREATE TABLE aliases (
    alias     text PRIMARY KEY REFERENCES people,
    canonical text NOT NULL REFERENCES people,
    CHECK (alias <> canonical)
);
CREATE INDEX aliases_of_canonical ON aliases (canonical);

-- A claim that two people are one, from its proposal to its end. The linked ones are a forest over people, from which
-- `aliases` follows.
CREATE TABLE account_links (
    id           text        PRIMARY KEY,
    proposer     text        NOT NULL REFERENCES people,
    code_digest  bytea       NOT NULL CHECK (octet_length(code_digest) = 32),
    opened_at    timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    state        text        NOT NULL CHECK (state IN ('open', 'linked', 'closed', 'ended')),
    wrong_tries  integer     NOT NULL CHECK (wrong_tries BETWEEN 0 AND 5),
    other        text        REFERENCES people,
    proof        text        CHECK (proof IN ('session', 'attestation')),
    organisation text        REFERENCES organisations,      -- who attested
    settled_at   timestamptz,
    CHECK ((state IN ('linked', 'ended')) = (other IS NOT NULL AND proof IS NOT NULL AND settled_at IS NOT NULL)),
    CHECK ((organisation IS NOT NULL) = (proof IS NOT DISTINCT FROM 'attestation'))
);
CREATE INDEX account_links_of_proposer ON account_links (proposer);
CREATE INDEX account_links_of_other ON account_links (other) WHERE other IS NOT NULL;

CREATE TABLE sessions (
    id         text        PRIMARY KEY,
    digest     bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),     -- SHA-256 of the token
    person     text        NOT NULL REFERENCES people,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_of_person ON sessions (person);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE consents (
    id           text        PRIMARY KEY,
    person       text        NOT NULL REFERENCES people,        -- as they were known when they consented
    organisation text        NOT NULL REFERENCES organisations,
    purpose      text        NOT NULL CHECK (length(purpose) BETWEEN 1 AND 200),
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    expires_at   timestamptz NOT NULL,
    request      text        UNIQUE,                            -- the verification request it answers
    granted_at   timestamptz NOT NULL,
    withdrawn_at timestamptz
);
CREATE INDEX consents_of_person ON consents (person, id);

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

ALTER TABLE organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisations FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON organisations TO :door
    USING (id = current_setting('deedlog.organisation', true))
    WITH CHECK (id = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON organisations TO :backbone USING (true);

ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON api_keys TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON api_keys TO :backbone USING (true);

ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON accounts TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON accounts TO :backbone USING (true);

GRANT SELECT, INSERT ON organisations, accounts, people TO :door;
GRANT SELECT, INSERT, UPDATE ON api_keys TO :door;
GRANT SELECT ON aliases TO :door;
GRANT SELECT, INSERT, DELETE ON sessions TO :door;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO :door;

GRANT SELECT ON organisations, api_keys TO :backbone;
GRANT SELECT, UPDATE ON people TO :backbone;
GRANT SELECT, DELETE ON accounts, sessions, idempotency_keys TO :backbone;
GRANT SELECT, INSERT, UPDATE, DELETE ON aliases, account_links, consents TO :backbone;

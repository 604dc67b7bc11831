-- The statements that platforms sent, as they sent them. Rows are added and never changed, but for an erasure, which
-- empties what says anything about a person and leaves the id, so that a statement that comes again is not stored anew.
-- No column repeats what `original` says, and no index serves a search: each would cost every insert.

CREATE TABLE statements (
    organisation text        NOT NULL,
    id           uuid        NOT NULL,
    epoch        integer     NOT NULL,
    xid          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    place        integer     NOT NULL,             -- within its transaction: with epoch and xid, the order of arrival
    is_test      boolean     NOT NULL,             -- came by a test key
    key          text        NOT NULL,             -- the API key it came by: its authority
    version      text        NOT NULL,             -- of xAPI, as the request spoke it
    stored_at    timestamptz NOT NULL,
    person       text,                             -- in whose stream it was told; null where a group acted
    account      text,
    fact_id      uuid        NOT NULL,             -- the fact that told it, where one did
    original     bytea,                            -- canonical JSON (RFC 8785); null once erased
    is_voiding   boolean     NOT NULL,
    PRIMARY KEY (organisation, id),
    UNIQUE (organisation, is_test, epoch, xid, place)
);

-- What each voiding statement names; whether that is known, or may be voided, is another matter.
CREATE TABLE voids (
    organisation text        NOT NULL,
    is_test      boolean     NOT NULL,
    target       uuid        NOT NULL,
    voiding      uuid        NOT NULL,
    occurred_at  timestamptz NOT NULL,             -- the voiding statement's time
    PRIMARY KEY (organisation, is_test, target, voiding)
);

ALTER TABLE statements ENABLE ROW LEVEL SECURITY;
ALTER TABLE statements FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON statements TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON statements TO :backbone USING (true) WITH CHECK (true);

ALTER TABLE voids ENABLE ROW LEVEL SECURITY;
ALTER TABLE voids FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON voids TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON voids TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON statements, voids TO :door;
GRANT SELECT, UPDATE ON statements TO :backbone;
GRANT SELECT ON voids TO :backbone;

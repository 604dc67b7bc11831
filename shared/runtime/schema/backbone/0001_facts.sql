-- The truth of a service: its facts, the heads of its streams, and how far its relay has produced.
-- Run as the service's owner; :door and :backbone are its two login roles, neither of which bypasses row security.

CREATE SCHEMA backbone;
GRANT USAGE ON SCHEMA backbone TO :door, :backbone;

-- One row. The epoch rises when the database was restored or woke up in another cluster: transaction ids begin anew
-- there, so a position is (epoch, xid, row). `incarnation` names the database as it last ran: its cluster, its own oid
-- and the cluster's timeline; null before the first start.
CREATE TABLE backbone.epochs (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch       integer NOT NULL,
    incarnation text
);
INSERT INTO backbone.epochs (epoch) VALUES (1);

CREATE TABLE backbone.facts (
    epoch        integer     NOT NULL,
    xid          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    id           bigint      GENERATED ALWAYS AS IDENTITY,
    subject      text        NOT NULL,
    number       bigint      NOT NULL,
    fact_id      uuid        NOT NULL,
    type         text        NOT NULL,
    occurred_at  timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL,
    organisation text,
    data         bytea,                 -- canonical JSON; null once erased
    PRIMARY KEY (epoch, xid, id),
    UNIQUE (subject, number)
);

-- One row a stream, updated in the transaction that appends. No index but the key, so that updates stay in the page.
CREATE TABLE backbone.streams (
    subject     text        PRIMARY KEY,
    number      bigint      NOT NULL,
    fact_id     uuid        NOT NULL,
    recorded_at timestamptz NOT NULL
) WITH (fillfactor = 70);

-- One row. The cursor is the position of the last fact produced. `verified` is the last position known to lie in the
-- broker named by `cluster`; after a change of broker the relay goes on from there.
CREATE TABLE backbone.relay (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch          integer NOT NULL DEFAULT 0,
    xid            xid8    NOT NULL DEFAULT '0',
    id             bigint  NOT NULL DEFAULT 0,
    verified_epoch integer NOT NULL DEFAULT 0,
    verified_xid   xid8    NOT NULL DEFAULT '0',
    verified_id    bigint  NOT NULL DEFAULT 0,
    cluster        text    NOT NULL DEFAULT '',
    generation     integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO backbone.relay DEFAULT VALUES;

ALTER TABLE backbone.facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE backbone.facts FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON backbone.facts TO :door
    USING (organisation IS NULL OR organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation IS NULL OR organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON backbone.facts TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT ON backbone.epochs TO :door, :backbone;
GRANT UPDATE ON backbone.epochs TO :backbone;
GRANT SELECT, INSERT ON backbone.facts TO :door;
GRANT SELECT, INSERT, UPDATE ON backbone.facts TO :backbone;
GRANT SELECT, INSERT, UPDATE ON backbone.streams TO :door, :backbone;
GRANT SELECT, UPDATE ON backbone.relay TO :backbone;

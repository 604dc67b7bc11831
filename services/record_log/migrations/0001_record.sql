-- The record: what was committed to, what opens it, and the one log over all. Never rebuilt: salts, blinds and tags can
-- not be made again, so these tables are in every backup. Nothing here belongs to a tenant: a record is its person's,
-- and the doors ask for that person's rows by name. Of what makes heads linkable the doors see nothing.
--
-- Rows are added and never changed, but for the state of a stream and of the log, the place a head takes in the log,
-- and erasure.

CREATE TABLE streams (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person      text   NOT NULL,
    name        text   NOT NULL,                                      -- 'main' or a project's id
    size        bigint NOT NULL,
    frontier    bytea  NOT NULL,                                      -- shared/kernel/merkle.py, Frontier.to_bytes
    next_tag    bytea  NOT NULL CHECK (octet_length(next_tag) = 32),
    first_blind bytea  CHECK (octet_length(first_blind) = 32),        -- null once erased
    UNIQUE (person, name)
) WITH (fillfactor = 70);

-- Leaves of the streams. `kind`, `event` and the two salts open `leaf`; erasure takes the four and leaves the rest.
CREATE TABLE entries (
    stream     bigint NOT NULL,
    index      bigint NOT NULL,
    source     text   NOT NULL,
    number     bigint,                                                -- at its source; null for the log's own events
    fact_id    uuid,                                                  -- null for the log's own events
    kind       text,
    kind_salt  bytea,
    event_salt bytea,
    event      bytea,
    leaf       bytea  NOT NULL CHECK (octet_length(leaf) = 64),
    PRIMARY KEY (stream, index),
    CHECK (num_nulls(kind, kind_salt, event_salt, event) IN (0, 4))
);
CREATE UNIQUE INDEX entries_of_fact ON entries (fact_id);             -- one fact, one entry, whatever else fails

-- Perfect nodes of each stream's tree from level 1 upward; level 0 is the hash of an entry's leaf.
CREATE TABLE stream_nodes (
    stream   bigint   NOT NULL,
    level    smallint NOT NULL CHECK (level > 0),
    position bigint   NOT NULL,
    hash     bytea    NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (stream, level, position)
);

-- Versions of the streams, in the order in which they came. A head waits with its leaf until it has a place in the log.
-- This table is all that says whose head a leaf of the log is: erasure removes rows.
CREATE TABLE heads (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream      bigint NOT NULL,
    first_index bigint NOT NULL,                                      -- of the entries that are new in this version
    size        bigint NOT NULL,
    blind       bytea  NOT NULL CHECK (octet_length(blind) = 32),     -- opens the tag of the next head
    leaf        bytea  CHECK (octet_length(leaf) = 105),
    log_index   bigint,
    UNIQUE (stream, size),
    CHECK ((leaf IS NULL) = (log_index IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX heads_waiting ON heads (id) WHERE log_index IS NULL;

-- The global log: one row, set when the log is begun. Its origin and key stay what they were then.
CREATE TABLE log (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    origin          text    NOT NULL,
    vkey            text    NOT NULL,
    frontier        bytea   NOT NULL,
    checkpoint_size bigint,                                           -- null before the first checkpoint
    checkpoint      text,
    CHECK (num_nulls(checkpoint_size, checkpoint) IN (0, 2))
) WITH (fillfactor = 50);

-- What the log publishes; says nothing of whose it is.
CREATE TABLE log_leaves (
    index bigint PRIMARY KEY,
    leaf  bytea  NOT NULL CHECK (octet_length(leaf) = 105)
);
CREATE TABLE log_nodes (
    level    smallint NOT NULL CHECK (level > 0),
    position bigint   NOT NULL,
    hash     bytea    NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, position)
);

-- One row for each person who is known by another's id at present, as the person's own stream at identity tells it.
CREATE TABLE aliases (
    alias     text PRIMARY KEY,
    canonical text NOT NULL
);
CREATE INDEX aliases_of_canonical ON aliases (canonical);

-- Erasures that were heard and are not carried out to the end: facts of `source` up to `through` open no more.
CREATE TABLE erasures (
    person  text   NOT NULL,
    source  text   NOT NULL,
    through bigint NOT NULL,
    PRIMARY KEY (person, source)
);

GRANT SELECT, INSERT, UPDATE ON streams, entries, log TO :backbone;
GRANT SELECT, INSERT ON stream_nodes, log_leaves, log_nodes TO :backbone;
GRANT SELECT, INSERT, UPDATE, DELETE ON heads, aliases, erasures TO :backbone;

GRANT SELECT (id, person, name, size) ON streams TO :door;
GRANT SELECT (stream, first_index, size, log_index) ON heads TO :door;
GRANT SELECT ON entries, stream_nodes, log, log_leaves, log_nodes, aliases, erasures TO :door;

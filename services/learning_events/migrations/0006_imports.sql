-- Imports: what was uploaded, how far it is recorded, and what of it was not taken.
-- The bytes are kept only until an import ends: the statements themselves stand in `statements` then.

CREATE TABLE imports (
    organisation  text        NOT NULL,
    id            text        NOT NULL,
    key           text        NOT NULL,             -- the API key it came by: the authority of its statements
    is_test       boolean     NOT NULL,             -- came by a test key, as all that it holds
    name          text        NOT NULL,
    request_key   text,                             -- the Idempotency-Key it was created under
    state         text        NOT NULL CHECK (state IN ('receiving', 'waiting', 'running', 'done', 'failed', 'cancelled')),
    created_at    timestamptz NOT NULL,
    moved_at      timestamptz NOT NULL,             -- when it last came nearer to its end
    started_at    timestamptz,                      -- when its first line was read
    ended_at      timestamptz,
    bytes         bigint      CHECK (bytes > 0),    -- of the whole upload; null while a body without length arrives
    digest        bytea,                            -- SHA-256 of one that came as a single body
    received      bigint      NOT NULL DEFAULT 0,   -- bytes of it that are kept, without a gap from its beginning
    consumed      bigint      NOT NULL DEFAULT 0,   -- bytes of it that were read
    line          bigint      NOT NULL DEFAULT 0,   -- the last line that is recorded, and where it ends once inflated
    inflated      bigint      NOT NULL DEFAULT 0,
    stored        bigint      NOT NULL DEFAULT 0,
    duplicate     bigint      NOT NULL DEFAULT 0,
    conflict      bigint      NOT NULL DEFAULT 0,
    invalid       bigint      NOT NULL DEFAULT 0,
    reported      bigint      NOT NULL DEFAULT 0,   -- lines that the report names
    refusal       text,                             -- why it failed: JSON of pointer, rule and mend
    worker        text,                             -- who records it, until when, and under which time its next lines
    claimed_until timestamptz,
    batch_at      timestamptz,
    attempts      integer     NOT NULL DEFAULT 0,   -- claims since it last came nearer to its end
    has_bytes     boolean     NOT NULL DEFAULT true,
    PRIMARY KEY (organisation, id),
    UNIQUE (organisation, key, request_key)
);
CREATE INDEX imports_open ON imports (state, moved_at) WHERE state IN ('receiving', 'waiting', 'running');
CREATE INDEX imports_leaving ON imports (ended_at) WHERE ended_at IS NOT NULL;

-- The upload, cut as it arrived.
CREATE TABLE import_parts (
    organisation text   NOT NULL,
    import       text   NOT NULL,
    place        bigint NOT NULL,                   -- of its first byte in the upload
    content      bytea  NOT NULL,
    PRIMARY KEY (organisation, import, place),
    FOREIGN KEY (organisation, import) REFERENCES imports
);
ALTER TABLE import_parts ALTER COLUMN content SET STORAGE EXTERNAL;  -- most uploads are compressed already

-- The lines that were not taken. Places and rules, never a value of the line.
CREATE TABLE import_faults (
    organisation text   NOT NULL,
    import       text   NOT NULL,
    line         bigint NOT NULL,
    outcome      text   NOT NULL CHECK (outcome IN ('invalid', 'conflict')),
    event        text   NOT NULL,                   -- the id it came with; empty where it had none
    faults       text   NOT NULL,                   -- JSON array of pointer, rule and mend
    PRIMARY KEY (organisation, import, line),
    FOREIGN KEY (organisation, import) REFERENCES imports
);

ALTER TABLE imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE imports FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON imports TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON imports TO :backbone USING (true) WITH CHECK (true);

ALTER TABLE import_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON import_parts TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON import_parts TO :backbone USING (true) WITH CHECK (true);

ALTER TABLE import_faults ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_faults FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON import_faults TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON import_faults TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON imports TO :door;
GRANT SELECT, INSERT ON import_parts TO :door;
GRANT SELECT ON import_faults TO :door;
GRANT SELECT, UPDATE, DELETE ON imports TO :backbone;
GRANT SELECT, DELETE ON import_parts TO :backbone;
GRANT SELECT, INSERT, DELETE ON import_faults TO :backbone;

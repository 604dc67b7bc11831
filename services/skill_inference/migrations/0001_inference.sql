-- What inference owns and no rebuild can bring back: alignments, and what was told last. Run as :owner.

-- One row a version of an organisation's alignments, whole, as it was sent. The highest version is in force. `adoption`
-- rises with every row of any organisation: adoptions are serialised by an advisory lock.
CREATE TABLE alignment_tables (
    organisation text        NOT NULL,
    version      integer     NOT NULL CHECK (version > 0),
    adoption     bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    digest       bytea       NOT NULL CHECK (octet_length(digest) = 32),
    lines        integer     NOT NULL,
    activities   integer     NOT NULL,
    content      bytea       NOT NULL,
    adopted_at   timestamptz NOT NULL,
    adopted_by   text        NOT NULL,
    PRIMARY KEY (organisation, version)
);
ALTER TABLE alignment_tables ENABLE ROW LEVEL SECURITY;
ALTER TABLE alignment_tables FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON alignment_tables TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON alignment_tables TO :backbone USING (true);
GRANT SELECT, INSERT, DELETE ON alignment_tables TO :door;
GRANT SELECT ON alignment_tables TO :backbone;

-- Who is to be looked at because alignments changed (of that organisation), or because the derived state was rebuilt
-- (everybody, organisation null). `after_subject`: whose turn has come; it makes the walk resumable.
CREATE TABLE sweeps (
    number         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation   text,
    version_before integer,
    version        integer,
    after_subject  text        NOT NULL DEFAULT '',
    requested_at   timestamptz NOT NULL
);
ALTER TABLE sweeps ENABLE ROW LEVEL SECURITY;
ALTER TABLE sweeps FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON sweeps TO :door WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON sweeps TO :backbone USING (true) WITH CHECK (true);
GRANT INSERT ON sweeps TO :door;
GRANT SELECT, INSERT, UPDATE, DELETE ON sweeps TO :backbone;

-- Who is to be revised: found by a sweep, or too much for the transaction that touched them.
CREATE TABLE put_off (person text PRIMARY KEY);
GRANT SELECT, INSERT, DELETE ON put_off TO :backbone;

-- What was told last, by person and skill, so that only what moved is told. `claim`: the level it let claim.
CREATE TABLE told (
    person  text     NOT NULL,
    skill   text     NOT NULL,
    mean    float8   NOT NULL,
    release text     NOT NULL,
    claim   smallint NOT NULL,
    PRIMARY KEY (person, skill)
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE, DELETE ON told TO :backbone;

-- Frameworks of organisations, in versions, and alignments that name their skills. Run as :owner.

-- One row a version of a framework, whole, in our own form. The highest version is in force; what it retired is in it.
CREATE TABLE frameworks (
    organisation text        NOT NULL,
    slug         text        NOT NULL,
    version      integer     NOT NULL CHECK (version > 0),
    digest       bytea       NOT NULL CHECK (octet_length(digest) = 32),
    name         text        NOT NULL,
    skills       integer     NOT NULL,
    mapped       integer     NOT NULL,
    content      bytea       NOT NULL,
    form         text        NOT NULL CHECK (form IN ('json', 'case')),
    adopted_at   timestamptz NOT NULL,
    adopted_by   text        NOT NULL,
    PRIMARY KEY (organisation, slug, version)
);
ALTER TABLE frameworks ENABLE ROW LEVEL SECURITY;
ALTER TABLE frameworks FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON frameworks TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
GRANT SELECT, INSERT, DELETE ON frameworks TO :door;

-- A table of alignments as CSV with the organisation's own names of skills, where it has any; `content` names ours.
ALTER TABLE alignment_tables ADD COLUMN named bytea;

-- The data of attachments that came along with statements: once an organisation, by its SHA-2, and which statements
-- name it. Rows are added; an erasure removes what no other statement names.

CREATE TABLE attachments (
    organisation text        NOT NULL,
    sha2         text        NOT NULL,             -- 224 to 512 bits in lower-case hex digits
    content      bytea       NOT NULL,
    PRIMARY KEY (organisation, sha2)
);

CREATE TABLE attached (
    organisation text        NOT NULL,
    statement    uuid        NOT NULL,
    sha2         text        NOT NULL,
    place        smallint    NOT NULL,             -- within its statement
    PRIMARY KEY (organisation, statement, place)
);

CREATE INDEX attached_by_sha2 ON attached (organisation, sha2);

ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachments FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON attachments TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON attachments TO :backbone USING (true) WITH CHECK (true);

ALTER TABLE attached ENABLE ROW LEVEL SECURITY;
ALTER TABLE attached FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON attached TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON attached TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON attachments, attached TO :door;
GRANT SELECT, DELETE ON attachments, attached TO :backbone;

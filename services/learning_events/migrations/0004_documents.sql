-- What platforms keep beside statements, and what is known of activities.

-- Documents: states, profiles of activities and of agents. `shelf` stands for the resource, the activity and the agent,
-- which may be longer than an index takes; `registration` is empty for none.
CREATE TABLE documents (
    organisation text        NOT NULL,
    is_test      boolean     NOT NULL,
    shelf        bytea       NOT NULL,
    registration text        NOT NULL,
    name         text        NOT NULL,             -- stateId or profileId
    resource     text        NOT NULL,
    person       text,                             -- whom it is about, so that an erasure finds it; null: nobody
    content      bytea       NOT NULL,
    media_type   text        NOT NULL,
    modified_at  timestamptz NOT NULL,
    PRIMARY KEY (organisation, is_test, shelf, registration, name)
);
CREATE INDEX documents_of_person ON documents (person) WHERE person IS NOT NULL;

-- Each different definition that statements gave an activity. A row is added by who tells it first, and one more by the
-- next other person: erasing a person removes their rows, and what others told too stays.
CREATE TABLE activity_definitions (
    organisation text        NOT NULL,
    is_test      boolean     NOT NULL,
    activity     bytea       NOT NULL,             -- stands for the IRI, which may be longer than an index takes
    digest       bytea       NOT NULL,             -- of the content
    person       text        NOT NULL,             -- whose statement told it; empty where a group acted
    content      bytea       NOT NULL,             -- canonical JSON (RFC 8785)
    told_at      timestamptz NOT NULL,
    PRIMARY KEY (organisation, is_test, activity, digest, person)
);
CREATE INDEX activity_definitions_of_person ON activity_definitions (person);

ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON documents TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON documents TO :backbone USING (true) WITH CHECK (true);

ALTER TABLE activity_definitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE activity_definitions FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON activity_definitions TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON activity_definitions TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO :door;
GRANT SELECT, INSERT ON activity_definitions TO :door;
GRANT SELECT, UPDATE, DELETE ON documents TO :backbone;
GRANT SELECT, DELETE ON activity_definitions TO :backbone;

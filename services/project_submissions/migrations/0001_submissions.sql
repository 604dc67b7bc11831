-- Projects, their submissions, what was found in them, and their reviews. Nothing here is folded from facts.
-- A door sees the rows of its organisation, and a signed-in person those they own or were asked to review.

CREATE TABLE projects (
    id           text        PRIMARY KEY,
    organisation text        NOT NULL,      -- empty for a project that belongs to no platform
    owner        text        NOT NULL,
    title        text        NOT NULL,
    opened_at    timestamptz NOT NULL
);
CREATE INDEX projects_owner ON projects (owner, opened_at);

CREATE TABLE submissions (
    id            text        PRIMARY KEY,
    project       text        NOT NULL REFERENCES projects,
    organisation  text        NOT NULL,
    author        text        NOT NULL,
    author_emails text[]      NOT NULL,     -- personal; never told
    submitted_at  timestamptz NOT NULL,
    state         text        NOT NULL,
    version       bigint      NOT NULL DEFAULT 1,
    bundle_digest text        NOT NULL,
    bundle_size   bigint      NOT NULL,
    head_commit   text,
    commits       bigint,
    authorship    double precision,
    refusal       jsonb,                    -- message and faults, told to the submitter
    reviewers     text[]      NOT NULL DEFAULT '{}'
);
CREATE INDEX submissions_project ON submissions (project, submitted_at);
CREATE INDEX submissions_waiting ON submissions (submitted_at) WHERE state = 'received';

CREATE TABLE evidence (
    id         text    PRIMARY KEY,
    submission text    NOT NULL REFERENCES submissions,
    place      integer NOT NULL,
    kind       text    NOT NULL,
    grade      text    NOT NULL,
    digest     text    NOT NULL,
    summary    text    NOT NULL,
    findings   jsonb   NOT NULL,
    UNIQUE (submission, place)
);

-- A reviewer marks a submission once: the key says so under concurrency too.
CREATE TABLE reviews (
    id           text        PRIMARY KEY,
    submission   text        NOT NULL REFERENCES submissions,
    reviewer     text        NOT NULL,
    rubric       text        NOT NULL,
    marks        jsonb       NOT NULL,
    note         text        NOT NULL,      -- for the author; kept here, never told
    submitted_at timestamptz NOT NULL,
    UNIQUE (submission, reviewer)
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

ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE projects FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON projects TO :door USING (
    (organisation <> '' AND organisation = current_setting('deedlog.organisation', true))
    OR owner = current_setting('deedlog.person', true));
CREATE POLICY backbone ON projects TO :backbone USING (true) WITH CHECK (true);

ALTER TABLE submissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE submissions FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON submissions TO :door USING (
    (organisation <> '' AND organisation = current_setting('deedlog.organisation', true))
    OR author = current_setting('deedlog.person', true)
    OR current_setting('deedlog.person', true) = ANY (reviewers));
CREATE POLICY backbone ON submissions TO :backbone USING (true) WITH CHECK (true);

-- Whoever may see a submission may see its rows here; that reviews are blind is decided by the domain.
ALTER TABLE evidence ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON evidence TO :door USING (EXISTS (SELECT 1 FROM submissions s WHERE s.id = submission));
CREATE POLICY backbone ON evidence TO :backbone USING (true) WITH CHECK (true);

ALTER TABLE reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE reviews FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON reviews TO :door USING (EXISTS (SELECT 1 FROM submissions s WHERE s.id = submission));
CREATE POLICY backbone ON reviews TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON projects, submissions TO :door, :backbone;
GRANT SELECT, INSERT ON evidence, reviews TO :door, :backbone;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO :door;

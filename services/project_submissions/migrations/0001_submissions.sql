-- Projects, their submissions, what was found in them, and their reviews. Nothing here is folded from facts.
-- A door sees the rows of its organisation, and a signed-in person (deedlog.people: all their ids) those they own or
-- were asked to review.

CREATE TABLE projects (
    id           text        PRIMARY KEY,
    organisation text        NOT NULL,      -- empty for a project that was offered to no platform
    owner        text        NOT NULL,
    title        text        NOT NULL,
    opened_at    timestamptz NOT NULL
);
CREATE INDEX projects_owner ON projects (owner, id);

CREATE TABLE submissions (
    id               text        PRIMARY KEY,
    project          text        NOT NULL REFERENCES projects,
    organisation     text        NOT NULL,
    author           text        NOT NULL,
    author_emails    text[]      NOT NULL,  -- in order; personal, never told
    submitted_at     timestamptz NOT NULL,
    state            text        NOT NULL,
    version          bigint      NOT NULL DEFAULT 1,
    attempts         bigint      NOT NULL DEFAULT 0,  -- checks that were begun
    bundle_digest    text        NOT NULL,
    bundle_size      bigint      NOT NULL,
    head_commit      text,
    commits          bigint,
    authorship_share double precision,
    refusal          jsonb,                 -- message and faults, told to the submitter
    reviewers        text[]      NOT NULL DEFAULT '{}'
);
CREATE INDEX submissions_project ON submissions (project, id);
CREATE INDEX submissions_author ON submissions (author, id);
CREATE INDEX submissions_bundle ON submissions (bundle_digest);
CREATE INDEX submissions_waiting ON submissions (submitted_at) WHERE state = 'received';
-- The same bundle to the same project under the same names is the same submission.
CREATE UNIQUE INDEX submissions_once ON submissions (project, bundle_digest, author_emails)
    WHERE state NOT IN ('refused', 'withdrawn');

CREATE TABLE evidence (
    id         text    PRIMARY KEY,
    submission text    NOT NULL REFERENCES submissions ON DELETE CASCADE,
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
    submission   text        NOT NULL REFERENCES submissions ON DELETE CASCADE,
    reviewer     text        NOT NULL,
    rubric       text        NOT NULL,
    marks        jsonb       NOT NULL,
    note         text        NOT NULL,      -- for the author; kept here, never told
    submitted_at timestamptz NOT NULL,
    UNIQUE (submission, reviewer)
);
CREATE INDEX reviews_reviewer ON reviews (reviewer);

-- People whom identity has erased and whose work is still to be erased here.
CREATE TABLE erasures_due (
    person text PRIMARY KEY
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

CREATE FUNCTION own_ids() RETURNS text[] LANGUAGE sql STABLE
    RETURN coalesce(nullif(current_setting('deedlog.people', true), ''), '{}')::text[];
CREATE FUNCTION own_organisation(organisation text) RETURNS boolean LANGUAGE sql STABLE
    RETURN organisation <> '' AND organisation = current_setting('deedlog.organisation', true);
GRANT EXECUTE ON FUNCTION own_ids(), own_organisation(text) TO :door;

ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE projects FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON projects TO :door USING (own_organisation(organisation) OR owner = ANY (own_ids()));
CREATE POLICY backbone ON projects TO :backbone USING (true) WITH CHECK (true);

ALTER TABLE submissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE submissions FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON submissions TO :door
    USING (own_organisation(organisation) OR author = ANY (own_ids()) OR reviewers && own_ids());
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

-- A door adds, and a person at a door moves a submission on; only the service itself takes rows away.
GRANT SELECT, INSERT ON projects, evidence, reviews TO :door;
GRANT SELECT, INSERT, UPDATE ON submissions TO :door;
GRANT SELECT, INSERT, UPDATE, DELETE ON projects, submissions, evidence, reviews TO :backbone;
GRANT SELECT, INSERT, DELETE ON erasures_due TO :backbone;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO :door;

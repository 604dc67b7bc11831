-- The read model: what facts say of each person, under the id they were told about. Run as the backbone's role in the
-- schema `derived` or its shadow; every value is a function of facts. Aliases are folded when a profile is read, so a
-- merge or a split moves no row. `number` is the fact's place in its stream.

-- Who is known by another's id, as the alias's own stream says last; canonical is null for one who stands alone again.
CREATE TABLE aliases (alias text PRIMARY KEY, canonical text, number bigint NOT NULL);
CREATE INDEX aliases_of_canonical ON aliases (canonical) WHERE canonical IS NOT NULL;

-- Everybody who was ever part of a person, as the canonical one's own stream says; keeps their versions from shrinking.
CREATE TABLE members_ever (canonical text NOT NULL, alias text NOT NULL, PRIMARY KEY (canonical, alias));

-- How many facts about a person's profile were applied.
CREATE TABLE heard_facts (person text PRIMARY KEY, facts bigint NOT NULL) WITH (fillfactor = 70);

CREATE TABLE organisation_names (id text PRIMARY KEY, name text NOT NULL);

-- expires_at is null for one of which only the withdrawal was heard: the consent was erased.
CREATE TABLE grants (
    person       text        NOT NULL,
    grant_id     text        NOT NULL,
    organisation text        NOT NULL,
    expires_at   timestamptz,
    withdrawn_at timestamptz,
    PRIMARY KEY (person, grant_id)
);
CREATE INDEX grants_of_organisation ON grants (organisation, expires_at, grant_id);

CREATE TABLE estimates (
    person                     text             NOT NULL,
    skill                      text             NOT NULL,
    number                     bigint           NOT NULL,
    layer                      text             NOT NULL,
    level                      integer          NOT NULL,
    mean                       double precision NOT NULL,
    variance                   double precision NOT NULL,
    interval_low               double precision NOT NULL,
    interval_high              double precision NOT NULL,
    level_probabilities        jsonb            NOT NULL,
    works                      integer          NOT NULL,
    raters                     integer          NOT NULL,
    observations               integer          NOT NULL,
    has_deployment_attestation boolean          NOT NULL,
    assurance_mix              jsonb            NOT NULL,
    last_evidence_at           timestamptz      NOT NULL,
    half_life_days             double precision NOT NULL,
    release                    text             NOT NULL,
    PRIMARY KEY (person, skill)
) WITH (fillfactor = 70);

CREATE TABLE learning (
    person     text   PRIMARY KEY,
    statements bigint NOT NULL,
    voided     bigint NOT NULL,
    last_at    timestamptz
) WITH (fillfactor = 70);

CREATE TABLE projects (
    person text NOT NULL, number bigint NOT NULL, occurred_at timestamptz NOT NULL,
    project text NOT NULL, title text NOT NULL,
    PRIMARY KEY (person, number)
);
CREATE TABLE submissions (
    person text NOT NULL, number bigint NOT NULL, occurred_at timestamptz NOT NULL,
    submission text NOT NULL, project text NOT NULL, head_commit text NOT NULL, commits bigint NOT NULL,
    authorship_share double precision NOT NULL,
    PRIMARY KEY (person, number)
);
CREATE TABLE evidence (
    person text NOT NULL, number bigint NOT NULL, occurred_at timestamptz NOT NULL,
    evidence text NOT NULL, submission text NOT NULL, project text NOT NULL, kind text NOT NULL, grade text NOT NULL,
    digest text NOT NULL, summary text NOT NULL,
    PRIMARY KEY (person, number)
);
CREATE TABLE reviews (
    person text NOT NULL, number bigint NOT NULL, occurred_at timestamptz NOT NULL,
    review text NOT NULL, submission text NOT NULL, project text NOT NULL, reviewer text NOT NULL,
    rubric text NOT NULL, marks jsonb NOT NULL,
    PRIMARY KEY (person, number)
);
CREATE TABLE credentials (
    person text NOT NULL, number bigint NOT NULL, occurred_at timestamptz NOT NULL,
    credential text NOT NULL, skill text NOT NULL, level integer NOT NULL, issuer text NOT NULL, digest text NOT NULL,
    policy text NOT NULL, release text NOT NULL, valid_from timestamptz NOT NULL, valid_until timestamptz,
    PRIMARY KEY (person, credential)
);
CREATE TABLE revocations (
    person text NOT NULL, credential text NOT NULL, revoked_at timestamptz NOT NULL, reason text NOT NULL,
    PRIMARY KEY (person, credential)
);

-- The newest checkpoint of each log.
CREATE TABLE checkpoints (
    origin text PRIMARY KEY, size bigint NOT NULL, root text NOT NULL, published_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Not forced: the owner is the backbone's role, which sees all tenants.
ALTER TABLE grants ENABLE ROW LEVEL SECURITY;
CREATE POLICY door ON grants TO :door
    USING (organisation = current_setting('deedlog.organisation', true)
           OR person = ANY (string_to_array(current_setting('deedlog.people', true), ',')));

GRANT SELECT ON aliases, members_ever, heard_facts, organisation_names, grants, estimates, learning, projects,
    submissions, evidence, reviews, credentials, revocations, checkpoints TO :door;

-- Calibration releases that were brought, which is in force since when, and what is known of named reviewers.
-- Run as :owner.

-- One row a release, whole, in the canonical form that its id was derived from. It never changes.
CREATE TABLE releases (
    id         text        PRIMARY KEY,
    name       text        NOT NULL,
    origin     text        NOT NULL,
    document   bytea       NOT NULL,
    brought_at timestamptz NOT NULL,
    brought_by text        NOT NULL
);
GRANT SELECT, INSERT ON releases TO :door;
GRANT SELECT ON releases TO :backbone;

-- Annexes by the SHA-256 that releases name. That of reviewers has no content here: its entries are rows below, for they
-- are under the erasure rules. `entries`: how many it was brought with.
CREATE TABLE release_annexes (
    digest  text    PRIMARY KEY CHECK (length(digest) = 64),
    content bytea,
    entries integer,
    CHECK ((content IS NULL) <> (entries IS NULL))
);
GRANT SELECT, INSERT ON release_annexes TO :door;
GRANT SELECT ON release_annexes TO :backbone;

-- What an annex says of one reviewer, as JSON. No door reads it.
CREATE TABLE release_reviewers (
    digest   text NOT NULL REFERENCES release_annexes,
    reviewer text NOT NULL,
    content  text NOT NULL,
    PRIMARY KEY (digest, reviewer)
);
CREATE INDEX release_reviewers_reviewer ON release_reviewers (reviewer);
GRANT INSERT ON release_reviewers TO :door;
GRANT SELECT, DELETE ON release_reviewers TO :backbone;

-- Counts whatever changes by what people are judged. A number is never used twice, so what was read under one may be kept.
CREATE SEQUENCE calibrations;
GRANT USAGE ON SEQUENCE calibrations TO :door, :backbone;

-- Which release came into force when; the highest number is in force. Nothing is ever taken away.
CREATE TABLE release_adoptions (
    number     bigint      PRIMARY KEY DEFAULT nextval('calibrations'),
    release    text        NOT NULL REFERENCES releases,
    adopted_at timestamptz NOT NULL,
    adopted_by text        NOT NULL
);
GRANT SELECT, INSERT ON release_adoptions TO :door;
GRANT SELECT ON release_adoptions TO :backbone;

-- Whose entries are gone, and may not come back with an annex that was written before. `number` where there was an entry.
CREATE TABLE release_erasures (
    reviewer text   PRIMARY KEY,
    number   bigint UNIQUE
);
GRANT SELECT ON release_erasures TO :door;
GRANT SELECT, INSERT ON release_erasures TO :backbone;

-- An adoption asks for everybody to be looked at, in the same transaction.
CREATE POLICY everybody ON sweeps FOR INSERT TO :door
    WITH CHECK (organisation IS NULL AND version_before IS NULL AND version IS NULL);

-- Evidence as it was heard, in the least form that any alignment, release or framework can be applied to.
-- Run as :backbone. No door reads it.

-- Scored statements about activities, aligned or not.
CREATE TABLE statements (
    subject      text        NOT NULL,
    number       bigint      NOT NULL,
    fact_id      uuid        NOT NULL,
    organisation text        NOT NULL,
    statement    text        NOT NULL,
    activity     text        NOT NULL,
    result       float8      NOT NULL,
    occurred_at  timestamptz NOT NULL,
    PRIMARY KEY (subject, number)
);
-- Whom a change of alignments touches. An activity has fewer bytes than a fact (2 KB), so it fits an index row.
CREATE INDEX statements_activity ON statements (organisation, activity, subject);

CREATE TABLE voidings (
    subject      text   NOT NULL,
    number       bigint NOT NULL,
    organisation text   NOT NULL,
    statement    text   NOT NULL,
    PRIMARY KEY (subject, number)
);

-- Marks as told, a JSON array of [criterion, skill, value].
CREATE TABLE reviews (
    subject      text        NOT NULL,
    number       bigint      NOT NULL,
    fact_id      uuid        NOT NULL,
    organisation text        NOT NULL,
    project      text        NOT NULL,
    reviewer     text        NOT NULL,
    marks        text        NOT NULL,
    occurred_at  timestamptz NOT NULL,
    PRIMARY KEY (subject, number)
);

-- How much was heard of a stream and organisation, and the highest number that said anything: bounds what is kept, and
-- names exactly which evidence a person's beliefs were computed from.
CREATE TABLE shelves (
    source       text   NOT NULL,
    subject      text   NOT NULL,
    organisation text   NOT NULL,
    facts        bigint NOT NULL,
    head         bigint NOT NULL,
    PRIMARY KEY (subject, source, organisation)
) WITH (fillfactor = 70);

-- Who is part of whom, by the `number`-th fact of the alias's own stream.
CREATE TABLE aliases (
    alias     text   PRIMARY KEY,
    canonical text   NOT NULL,
    number    bigint NOT NULL
);
CREATE INDEX aliases_canonical ON aliases (canonical);

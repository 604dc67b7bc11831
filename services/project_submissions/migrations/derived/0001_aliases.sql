-- Who is an alias of whom, from the alias's own stream at identity: there at most one merge stands at any moment.
CREATE TABLE aliases (
    alias     text   PRIMARY KEY,
    canonical text   NOT NULL,
    number    bigint NOT NULL      -- of the fact that says so
);
CREATE INDEX aliases_canonical ON aliases (canonical);
GRANT SELECT ON aliases TO :door;

-- What was sent, and what became of it: a row a write request of a key, for a week at most. Not the record, only what a
-- platform's developer looks at; a row may be missing.

CREATE TABLE deliveries (
    organisation text        NOT NULL,
    id           uuid        NOT NULL,             -- in the order of time
    is_test      boolean     NOT NULL,
    key          text        NOT NULL,
    received_at  timestamptz NOT NULL,
    method       text        NOT NULL,
    path         text        NOT NULL,             -- without its query
    status       smallint    NOT NULL,
    request_id   text        NOT NULL,             -- as the sender named it; empty where it did not
    version      text        NOT NULL,             -- of xAPI, as the sender named it; empty where it did not
    bytes        bigint      NOT NULL,
    milliseconds integer     NOT NULL,
    counts       text        NOT NULL,             -- JSON: items by outcome
    faults       text        NOT NULL,             -- JSON array of pointer, rule and mend
    refused      bytea,                            -- JSON array of index, item and errors; null once it is not kept
    PRIMARY KEY (organisation, id)
);
CREATE INDEX deliveries_by_age ON deliveries (received_at);
CREATE INDEX deliveries_refused ON deliveries (organisation, id) WHERE refused IS NOT NULL;

ALTER TABLE deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON deliveries TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON deliveries TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT ON deliveries TO :door;
GRANT SELECT, INSERT, UPDATE, DELETE ON deliveries TO :backbone;

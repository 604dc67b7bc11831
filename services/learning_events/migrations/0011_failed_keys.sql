-- Requests that were refused because of their key, before a door was reached: a key's id with a wrong secret, a key that
-- was revoked or has expired. Apart from `deliveries`, because anybody who knows the id of a key can make such rows: they
-- push out nothing but one another. Not the record, only what a platform's developer looks at; a row may be missing.

CREATE TABLE failed_keys (
    organisation text        NOT NULL,             -- of the key that was named
    id           uuid        NOT NULL,             -- in the order of time
    is_test      boolean     NOT NULL,
    key          text        NOT NULL,
    received_at  timestamptz NOT NULL,             -- the first of them
    method       text        NOT NULL,
    path         text        NOT NULL,             -- without its query
    request_id   text        NOT NULL,             -- as the sender named it; empty where it did not
    times        integer     NOT NULL CHECK (times > 0),   -- so many like it within the second
    rule         text        NOT NULL,
    mend         text        NOT NULL,
    PRIMARY KEY (organisation, id)
);
CREATE INDEX failed_keys_of_key ON failed_keys (key, id);
CREATE INDEX failed_keys_by_age ON failed_keys (received_at);

ALTER TABLE failed_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE failed_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON failed_keys TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON failed_keys TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT ON failed_keys TO :door;
GRANT SELECT, INSERT, DELETE ON failed_keys TO :backbone;

-- When the last refused item of a delivery was taken after all. A door mends and marks what is its organisation's.
ALTER TABLE deliveries ADD COLUMN resent_at timestamptz;
GRANT UPDATE (refused, resent_at) ON deliveries TO :door;

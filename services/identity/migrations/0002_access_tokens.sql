-- Access tokens of API keys (RFC 6749 §4.4). A token is its key for an hour, with no more than the key's scopes: whether
-- it opens anything is looked up in its key's row, so that revoking the key ends all its tokens.

CREATE TABLE access_tokens (
    digest       bytea       PRIMARY KEY CHECK (octet_length(digest) = 32),       -- SHA-256 of the token
    organisation text        NOT NULL REFERENCES organisations,
    key          text        NOT NULL REFERENCES api_keys,
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    issued_at    timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at > issued_at)
);
CREATE INDEX access_tokens_of_key ON access_tokens (key, expires_at);
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at);

ALTER TABLE access_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE access_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON access_tokens TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON access_tokens TO :backbone USING (true);

GRANT SELECT, INSERT ON access_tokens TO :door;
GRANT SELECT, DELETE ON access_tokens TO :backbone;

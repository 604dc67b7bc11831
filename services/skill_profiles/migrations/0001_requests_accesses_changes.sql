-- What skill_profiles owns and never rebuilds. Run as the service's owner.
--
-- A request and an access belong to the organisation that asked or read, and to the person they are about: the door sees
-- those of the organisation it acts for, and those of the people it acts for (`deedlog.people`, ids with commas between).

CREATE TABLE verification_requests (
    id           text        PRIMARY KEY,
    organisation text        NOT NULL,
    person       text        NOT NULL,                    -- canonical when they were asked
    purpose      text        NOT NULL CHECK (length(purpose) BETWEEN 1 AND 200),
    requested_by text        NOT NULL,                    -- the key's id
    requested_at timestamptz NOT NULL,
    state        text        NOT NULL CHECK (state IN ('pending', 'approved', 'declined')),
    decided_at   timestamptz,
    grant_id     text,
    scopes       text[],
    expires_at   timestamptz,
    CHECK ((state = 'pending') = (decided_at IS NULL)),
    CHECK ((state = 'approved') = (grant_id IS NOT NULL AND scopes IS NOT NULL AND expires_at IS NOT NULL))
);
CREATE INDEX verification_requests_of_organisation ON verification_requests (organisation, id);
CREATE INDEX verification_requests_of_person ON verification_requests (person, id);

-- Every look at a profile by somebody else, written before the profile is handed out.
CREATE TABLE accesses (
    id           text        PRIMARY KEY,
    organisation text        NOT NULL,
    person       text        NOT NULL,                    -- canonical at the time
    grant_id     text        NOT NULL,
    purpose      text        NOT NULL,
    scopes       text[]      NOT NULL,
    read_by      text        NOT NULL,                    -- the key's id
    manner       text        NOT NULL CHECK (manner IN ('read', 'follow')),
    read_at      timestamptz NOT NULL
);
CREATE INDEX accesses_of_person ON accesses (person, id);

-- Where each profile, and each organisation's consent to it, changed last: one row however often it changes. A follower
-- reads rows after its place (epoch, xid, person, organisation) that lie behind the snapshot horizon, so none is passed
-- over; a row that moves on before it was read is read at its new place. organisation '' is the profile itself.
CREATE TABLE changes (
    person       text    COLLATE "C" NOT NULL,
    organisation text    COLLATE "C" NOT NULL,
    epoch        integer NOT NULL,
    xid          xid8    NOT NULL,
    PRIMARY KEY (person, organisation)
) WITH (fillfactor = 70);
CREATE INDEX changes_in_order ON changes (epoch, xid, person, organisation);

-- People whose record is closed to others because their stream at identity is parked, as followers were last told.
CREATE TABLE closed_people (person text PRIMARY KEY);

-- One row: which incarnation of the derived state `changes` speaks of. Another one means a rebuild took its place.
CREATE TABLE derived_seen (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    schema   oid
);
INSERT INTO derived_seen DEFAULT VALUES;

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

ALTER TABLE verification_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE verification_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON verification_requests TO :door
    USING (organisation = current_setting('deedlog.organisation', true)
           OR person = ANY (string_to_array(current_setting('deedlog.people', true), ',')))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON verification_requests TO :backbone USING (true);

ALTER TABLE accesses ENABLE ROW LEVEL SECURITY;
ALTER TABLE accesses FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON accesses TO :door
    USING (organisation = current_setting('deedlog.organisation', true)
           OR person = ANY (string_to_array(current_setting('deedlog.people', true), ',')))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON accesses TO :backbone USING (true);

ALTER TABLE changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE changes FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON changes TO :door
    USING (organisation IN ('', current_setting('deedlog.organisation', true)));
CREATE POLICY backbone ON changes TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON verification_requests TO :door;
GRANT SELECT, INSERT ON accesses TO :door;
GRANT SELECT ON changes TO :door;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO :door;
GRANT SELECT, UPDATE, DELETE ON verification_requests TO :backbone;
GRANT SELECT, DELETE ON accesses TO :backbone;
GRANT SELECT, INSERT, UPDATE ON changes TO :backbone;
GRANT SELECT, INSERT, DELETE ON closed_people TO :backbone;
GRANT SELECT, UPDATE ON derived_seen TO :backbone;

-- Personas: accounts of one platform of which it says that they are one person's. Each joins two people by an ordinary
-- link whose proof is the platform's word, which is less than a person's own.

CREATE TABLE personas (
    id           text        PRIMARY KEY,
    organisation text        NOT NULL REFERENCES organisations,
    key          text        NOT NULL,             -- by which it was declared
    declared_at  timestamptz NOT NULL,
    ended_at     timestamptz,
    ended_by     text,                             -- the key, or `person`: one of those concerned undid a link of it
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX personas_of_organisation ON personas (organisation, id);

ALTER TABLE personas ENABLE ROW LEVEL SECURITY;
ALTER TABLE personas FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON personas TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON personas TO :backbone USING (true) WITH CHECK (true);
GRANT SELECT ON personas TO :door;
GRANT SELECT, INSERT, UPDATE, DELETE ON personas TO :backbone;

-- A declared link has no code. What a person undid is not declared anew.
ALTER TABLE account_links ADD COLUMN persona text REFERENCES personas;
ALTER TABLE account_links ADD COLUMN is_refused boolean NOT NULL DEFAULT false;
ALTER TABLE account_links DROP CONSTRAINT account_links_proof_check;
ALTER TABLE account_links DROP CONSTRAINT account_links_check1;
ALTER TABLE account_links ADD CONSTRAINT account_links_proof_check
    CHECK (proof IN ('session', 'attestation', 'declaration'));
ALTER TABLE account_links ADD CONSTRAINT account_links_ground_check
    CHECK ((organisation IS NOT NULL) = (proof IS NOT NULL AND proof <> 'session')
        AND (persona IS NOT NULL) = (proof IS NOT DISTINCT FROM 'declaration'));
CREATE INDEX account_links_of_persona ON account_links (persona) WHERE persona IS NOT NULL;

-- Which operator's question showed somebody's accounts, for that person to see; the last hundred of each.
CREATE TABLE account_readings (
    person  text        NOT NULL REFERENCES people,
    read_at timestamptz NOT NULL,
    reader  text        NOT NULL
);
CREATE INDEX account_readings_of_person ON account_readings (person, read_at);
ALTER TABLE account_readings ENABLE ROW LEVEL SECURITY;
ALTER TABLE account_readings FORCE ROW LEVEL SECURITY;
CREATE POLICY backbone ON account_readings TO :backbone USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON account_readings TO :backbone;

-- The accounts of whom was erased, until the services that keep what platforms said have removed these identifiers from
-- it: they cannot look for what nobody knows any more.
CREATE TABLE erased_accounts (
    person       text NOT NULL REFERENCES people,
    organisation text NOT NULL,
    identifier   text NOT NULL,
    PRIMARY KEY (person, organisation, identifier)
);
ALTER TABLE erased_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE erased_accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY backbone ON erased_accounts TO :backbone USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON erased_accounts TO :backbone;

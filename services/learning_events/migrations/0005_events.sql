-- What came in another form than that of a statement, byte for byte: Caliper events, CloudEvents, and the entities that
-- Caliper describes. What was told of an event is the statement of the same id; an entity has none.

CREATE TABLE originals (
    organisation text        NOT NULL,
    id           uuid        NOT NULL,
    is_test      boolean     NOT NULL,
    key          text        NOT NULL,             -- the API key it came by
    format       text        NOT NULL,             -- what the content is written in
    stored_at    timestamptz NOT NULL,
    entity       text,                             -- the IRI of what is described; null for an event
    person       text,                             -- whom it says something about, where that is known
    envelope     bytea,                            -- canonical JSON; null once erased
    content      bytea,                            -- as it was sent; null once erased
    PRIMARY KEY (organisation, id)
);

CREATE INDEX originals_of_person ON originals (person) WHERE person IS NOT NULL AND content IS NOT NULL;

ALTER TABLE originals ENABLE ROW LEVEL SECURITY;
ALTER TABLE originals FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON originals TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON originals TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON originals TO :door;
GRANT SELECT, UPDATE ON originals TO :backbone;

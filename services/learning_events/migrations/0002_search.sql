-- What statements are found by. One row for each term and transaction that brought statements with it, written with
-- them and therefore in the order of arrival; `places` are those statements' places in their transaction. So a batch
-- costs a row for each thing it names, not for each statement, and two rows of one transaction meet by its number.
-- A term is a 64-bit hash over organisation, kind of data and what is named: domain/terms.py, store/search.py.

CREATE TABLE searchable (
    term         bigint      NOT NULL,
    stored_at    timestamptz NOT NULL,             -- of the statements: all of one transaction have the same
    xid          xid8        NOT NULL,
    epoch        integer     NOT NULL,
    organisation text        NOT NULL,
    places       smallint[]  NOT NULL,
    PRIMARY KEY (term, stored_at, xid)
);

-- Statements whose object is another statement: they are found by whatever that one is found by, whichever came first.
CREATE TABLE referrals (
    organisation text        NOT NULL,
    is_test      boolean     NOT NULL,
    target       uuid        NOT NULL,
    referring    uuid        NOT NULL,
    epoch        integer     NOT NULL,
    xid          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    place        integer     NOT NULL,
    stored_at    timestamptz NOT NULL,
    PRIMARY KEY (organisation, is_test, target, referring)
);

ALTER TABLE searchable ENABLE ROW LEVEL SECURITY;
ALTER TABLE searchable FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON searchable TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON searchable TO :backbone USING (true) WITH CHECK (true);

ALTER TABLE referrals ENABLE ROW LEVEL SECURITY;
ALTER TABLE referrals FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON referrals TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON referrals TO :backbone USING (true) WITH CHECK (true);

-- Only `places` is ever changed: of a statement that came before the one it refers to.
GRANT SELECT, INSERT ON searchable, referrals TO :door;
GRANT UPDATE (places) ON searchable TO :door;
GRANT SELECT, DELETE ON searchable TO :backbone;
GRANT SELECT ON referrals TO :backbone;

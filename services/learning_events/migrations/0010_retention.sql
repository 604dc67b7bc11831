-- How long each organisation's statements are kept, real and test data apart, and how far the index of before is filled.

-- A row where somebody has decided; without one, or without days, everything is kept for ever.
CREATE TABLE retention (
    organisation      text        NOT NULL,
    is_test           boolean     NOT NULL,
    days              integer     CHECK (days BETWEEN 1 AND 36500),
    has_documents     boolean     NOT NULL,        -- whether documents go too
    set_at            timestamptz NOT NULL,
    set_by            text        NOT NULL,        -- the operator, or the key
    -- Statements up to this place in the order of arrival are emptied.
    epoch             integer     NOT NULL DEFAULT -1,
    xid               xid8        NOT NULL DEFAULT '0',
    place             integer     NOT NULL DEFAULT 0,
    removed           bigint      NOT NULL DEFAULT 0,
    documents_removed bigint      NOT NULL DEFAULT 0,
    swept_at          timestamptz,                 -- when nothing older was left at the latest
    PRIMARY KEY (organisation, is_test)
);

-- Stores with statements of before 0002, which were written without what they are found by. A row goes when all are found.
CREATE TABLE index_backfills (
    organisation text        NOT NULL,
    is_test      boolean     NOT NULL,
    through      timestamptz NOT NULL,             -- what was stored later came with its index rows
    behind       timestamptz NOT NULL,             -- everything that was stored up to then is found
    epoch        integer     NOT NULL DEFAULT -1,
    xid          xid8        NOT NULL DEFAULT '0',
    place        integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (organisation, is_test)
);

-- The owner is under the policies too; it looks here once, by one row a store.
ALTER TABLE statements NO FORCE ROW LEVEL SECURITY;
INSERT INTO index_backfills (organisation, is_test, through, behind)
WITH RECURSIVE stores AS (
    (SELECT organisation, is_test FROM statements ORDER BY organisation, is_test LIMIT 1)
    UNION ALL
    SELECT next.organisation, next.is_test FROM stores CROSS JOIN LATERAL (
        SELECT s.organisation, s.is_test FROM statements AS s
        WHERE (s.organisation, s.is_test) > (stores.organisation, stores.is_test)
        ORDER BY s.organisation, s.is_test LIMIT 1
    ) AS next
)
SELECT stores.organisation, stores.is_test, known.applied_at + interval '1 hour', timestamptz '1970-01-01Z'
FROM stores, public.migrations AS known
WHERE known.set_name = 'owned' AND known.version = 2 AND (
    SELECT first.stored_at FROM statements AS first
    WHERE first.organisation = stores.organisation AND first.is_test = stores.is_test
    ORDER BY first.epoch, first.xid, first.place LIMIT 1
) <= known.applied_at + interval '1 hour';
ALTER TABLE statements FORCE ROW LEVEL SECURITY;

-- What is removed by its age and stands in no order of arrival.
CREATE INDEX originals_entities ON originals (organisation, is_test, stored_at) WHERE entity IS NOT NULL;
CREATE INDEX documents_by_age ON documents (organisation, is_test, modified_at);

ALTER TABLE retention ENABLE ROW LEVEL SECURITY;
ALTER TABLE retention FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON retention TO :door
    USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON retention TO :backbone USING (true) WITH CHECK (true);

-- A door learns the earliest time of all, and of whom it is not: it may read that one column.
ALTER TABLE index_backfills ENABLE ROW LEVEL SECURITY;
ALTER TABLE index_backfills FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON index_backfills FOR SELECT TO :door USING (true);
CREATE POLICY backbone ON index_backfills TO :backbone USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE (days, has_documents, set_at, set_by, swept_at) ON retention TO :door;
GRANT SELECT, UPDATE ON retention TO :backbone;
GRANT SELECT (behind) ON index_backfills TO :door;
GRANT SELECT, UPDATE, DELETE ON index_backfills TO :backbone;
GRANT INSERT, UPDATE (places) ON searchable TO :backbone;
GRANT INSERT, DELETE ON referrals TO :backbone;
GRANT DELETE ON originals TO :backbone;

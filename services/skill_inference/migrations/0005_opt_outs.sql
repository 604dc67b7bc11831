-- Who asked that nothing be inferred of them. It outlives rebuilds, and an erasure too: it only ever says less.
-- Run as :owner.

-- One row an id: every id that was the person's when they asked, so that a later split does not undo it for any of them.
-- asked_by: what kind of caller it was, the person or an operator at their wish.
CREATE TABLE opt_outs (
    person   text        PRIMARY KEY,
    since    timestamptz NOT NULL,
    asked_by text        NOT NULL
);
GRANT SELECT, INSERT, DELETE ON opt_outs TO :door;
GRANT SELECT ON opt_outs TO :backbone;

-- Whoever opts out or in is to be revised; the door says so in the same transaction.
GRANT SELECT, INSERT ON put_off TO :door;

-- People whom identity has erased. `is_due`: what was told of them in our own stream is still to be emptied. The row, an id
-- alone, stays: whoever had asked identity before the erasure must record nothing about them after it.

CREATE TABLE erased_people (
    person text    PRIMARY KEY,
    is_due boolean NOT NULL DEFAULT true
);
CREATE INDEX erased_people_due ON erased_people (person) WHERE is_due;
GRANT SELECT ON erased_people TO :door;
GRANT SELECT, INSERT, UPDATE ON erased_people TO :backbone;

-- People whom identity has erased and whose statements are still to be emptied here. Of no organisation: a person acts at
-- many, and an erasure reaches all of them.
CREATE TABLE erasures_due (
    person text PRIMARY KEY
);
GRANT SELECT, INSERT, DELETE ON erasures_due TO :backbone;

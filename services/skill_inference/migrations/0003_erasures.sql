-- People whose facts were erased by their owners: what was told of them rests on those facts and is still to be emptied.
-- Run as :owner.

CREATE TABLE erasures_due (person text PRIMARY KEY);
GRANT SELECT, INSERT, DELETE ON erasures_due TO :backbone;

CREATE TABLE tallies (subject text PRIMARY KEY, count bigint NOT NULL, verb text NOT NULL) WITH (fillfactor = 70);

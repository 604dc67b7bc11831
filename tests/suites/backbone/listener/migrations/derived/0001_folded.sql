CREATE TABLE folded (subject text NOT NULL, number bigint NOT NULL, verb text NOT NULL, PRIMARY KEY (subject, number));

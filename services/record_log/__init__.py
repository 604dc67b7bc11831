"""record_log: keeps, for each person, streams of commitments to every fact about them, and one global log over all."""

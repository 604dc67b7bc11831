-- Whoever is erased goes out of the replies that are kept for repetitions too.
GRANT SELECT, DELETE ON idempotency_keys TO :backbone;

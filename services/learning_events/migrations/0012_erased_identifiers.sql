-- An erasure takes the person's identifiers out of what others said too: twice, because a writer that began before it was
-- heard may end after the first time.

ALTER TABLE erasures_due ADD COLUMN erased_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE erasures_due ADD COLUMN due_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE erasures_due ADD COLUMN is_last boolean NOT NULL DEFAULT false;
GRANT UPDATE ON erasures_due TO :backbone;

-- What was about somebody else and named them is changed or removed, and no more found by them.
GRANT UPDATE (places) ON searchable TO :backbone;
GRANT UPDATE, DELETE ON originals TO :backbone;

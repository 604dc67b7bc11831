-- What an organisation may ask of its own statements: which activities nobody aligned, and which statements moved whom.
-- Run as :backbone. Not forced: the owner is the backbone's role, which folds everybody.

ALTER TABLE statements ENABLE ROW LEVEL SECURITY;
CREATE POLICY door ON statements TO :door
    USING (organisation = current_setting('deedlog.organisation', true));
ALTER TABLE voidings ENABLE ROW LEVEL SECURITY;
CREATE POLICY door ON voidings TO :door
    USING (organisation = current_setting('deedlog.organisation', true));
GRANT SELECT ON statements, voidings TO :door;

-- One statement by its id; equality is all that is asked.
CREATE INDEX statements_statement ON statements USING hash (statement);

-- State of the teller, for writers that write it before or after they lock their subjects; and rows of tenants.
CREATE TABLE tallies (subject text PRIMARY KEY, count integer NOT NULL);
GRANT SELECT, INSERT, UPDATE ON tallies TO :door, :backbone;

CREATE TABLE notes (organisation text, words text NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO :door, :backbone;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY door ON notes TO :door USING (organisation = current_setting('deedlog.organisation', true))
    WITH CHECK (organisation = current_setting('deedlog.organisation', true));
CREATE POLICY backbone ON notes TO :backbone USING (true) WITH CHECK (true);

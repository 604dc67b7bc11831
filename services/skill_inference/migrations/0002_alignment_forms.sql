-- In which form a table was sent; it is kept as CSV in every case. Run as :owner.

ALTER TABLE alignment_tables
    ADD COLUMN form text NOT NULL DEFAULT 'csv' CHECK (form IN ('csv', 'json', 'case'));

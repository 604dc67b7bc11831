-- Whom somebody reviewed: all of them are revised when ids of one reviewer become one, or are split.
-- Run as :backbone.

CREATE INDEX reviews_reviewer ON reviews (reviewer);

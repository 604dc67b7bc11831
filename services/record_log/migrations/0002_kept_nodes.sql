-- Of a tree's nodes an eighth has rows: those from level 4 up. What lies below is made of leaves when a proof asks.
-- The sixteen leaves under a kept node stand side by side in the key of their table.

DELETE FROM stream_nodes WHERE level < 4;
DELETE FROM log_nodes WHERE level < 4;
COMMENT ON TABLE stream_nodes IS 'perfect nodes of each stream''s tree from level 4 up';
COMMENT ON TABLE log_nodes IS 'perfect nodes of the log''s tree from level 4 up';

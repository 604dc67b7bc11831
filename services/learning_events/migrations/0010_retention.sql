-- Nothing yet; the driver wants a statement.
SELECT;

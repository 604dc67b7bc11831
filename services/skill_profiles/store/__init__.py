"""Everything skill_profiles asks of Postgres: the ports of the handlers, and the read model the stream door writes."""

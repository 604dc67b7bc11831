"""The only place with SQL of learning_events. A module a concern; each names the order in which it takes its locks."""

"""The only place with SQL of record_log, a module a port.

Locks are taken in this order: subjects, positions, streams of the record; the one writer of the log takes the log's
origin as its subject and nothing else, so that it never waits for who records nor they for it.
"""

"""The only place with SQL of credential_issuing, a module a port.

Locks are taken in this order: subjects, positions, the list that takes entries, rows of the lists and entries, streams.
"""

"""The only place with SQL. Each module implements the ports that the handlers module of the same concern declares.

What belongs to a tenant is touched as the door's role, acting for that tenant; what belongs to a person is touched by
the door acting for none. Only what spans tenants by its nature runs as the backbone's role: whose a secret is, whose
accounts a person has, what an operator lists, and erasing.
"""

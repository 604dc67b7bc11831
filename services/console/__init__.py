"""console: pages for people and operators, drawn from the public APIs with the visitor's own credential."""

"""The HTTP door: what operators, people and platforms ask of identity. A module a resource."""

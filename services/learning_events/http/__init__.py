"""The HTTP door: what platforms send and what they read back. A module a resource."""

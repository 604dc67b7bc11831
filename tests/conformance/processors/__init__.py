"""The same evidence gives the same numbers on another processor."""

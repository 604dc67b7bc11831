"""The only place of this service that speaks SQL."""

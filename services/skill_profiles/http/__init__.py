"""The HTTP door of skill_profiles."""

"""Pure decisions of skill_profiles."""

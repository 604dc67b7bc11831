"""Use cases of skill_profiles: load, decide, save. Each module declares the ports it needs."""

"""skill_profiles: what others may see of a person, with the person's consent, and who looked."""

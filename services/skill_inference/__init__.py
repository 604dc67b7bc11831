"""What a person can do, inferred from what they did: with uncertainty, with its evidence, and replayable to the bit."""

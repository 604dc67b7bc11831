"""The use cases of learning_events: load, decide, save. `ports` says what they need; `store` and `clients` give it."""

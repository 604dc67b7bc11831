"""The use cases of identity: load, decide, save. Each module declares the ports it needs; `store` implements them."""

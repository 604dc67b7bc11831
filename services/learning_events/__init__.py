"""Learning events: what platforms say that people did, taken in, kept whole and told as facts."""

"""The HTTP door: the framework and the releases for everybody, alignments for the organisation they belong to."""

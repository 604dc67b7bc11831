"""Project submissions: real work taken in with its evidence, graded, and marked by two people blind to each other."""

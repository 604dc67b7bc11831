"""Tools of the repository itself: what `make check` and `make proto` run. Never shipped, imported by no service."""

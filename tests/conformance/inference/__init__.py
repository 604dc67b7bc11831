"""The goals of the model on sets of real outcomes and marks, by the code that serves."""

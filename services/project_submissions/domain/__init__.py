"""Pure decisions about projects, submissions, evidence, rubric and reviews.

Nothing here reads a clock, makes an identifier or does IO. What a git bundle holds is read by `clients.py` and handed
in as a `Repository`; what is decided comes back as values and as events of `shared.events.project_submissions`.
"""

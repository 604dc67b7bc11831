"""What inference does: hear what was said, revise what is told, answer what is asked, adopt alignments.

Evidence is all that is kept; beliefs are computed from it whenever they are asked for. What is said of a person is
therefore always a function of the facts heard, of the alignments in force and of the release, and a late alignment or
a merged person needs nothing undone.
"""

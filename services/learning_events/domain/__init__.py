"""Pure decisions about xAPI statements: is it valid, what does it say in short, is it one we already have.

Nothing here reads a clock, makes an identifier or does IO; the present and the ids are handed in.
"""

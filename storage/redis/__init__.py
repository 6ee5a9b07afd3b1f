"""Redis carries hints between processes: rings, who is at the desk, how much a platform may still be sent.

It may be killed, emptied, frozen or absent at any moment: work gets slower by a second or two, nothing is lost. Nothing is
kept in it without an end, and no text, name or address of a person ever goes there.
"""

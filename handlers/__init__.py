"""The decisions of the hotline, use-case by use-case: what a procedures manual would say.

Knows stores and channels only as the protocols of `ports`. `rules/` is pure: no I/O, no clock.
"""

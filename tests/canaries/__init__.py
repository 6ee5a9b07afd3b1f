"""Canaries: what a test lets somebody write, be called or be reached at, and every secret, is looked for where it must not be.

Nothing has to be planted by hand: the values are noted where they enter the program (`planting.py`), in every test of the suite,
fault runs included; after each test they are looked for in all that it left behind (`plugin.py`, `places.py`).
"""

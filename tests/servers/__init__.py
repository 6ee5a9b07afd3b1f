"""Real PostgreSQL and Redis for tests, without root's help and without leaving anything behind.

Where a server comes from: the address in `BINHAN_TEST_POSTGRES` or `BINHAN_TEST_REDIS`, else a program on PATH, else the one
inside a wheel of the test extras. The word `wheel` in place of an address means the wheel's, whatever is on PATH.
"""

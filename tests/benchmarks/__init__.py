"""Benchmarks: run them with `make bench [NAME=…]`. They print figures; no test depends on them."""

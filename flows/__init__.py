"""The conversation: pure, text in, effects out. No clock, no network, no database.

Start with `engine.advance`; what it reads is in `schema`, what it returns in `effects`, where it stands in `session`.
"""

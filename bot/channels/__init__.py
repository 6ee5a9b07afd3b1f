"""The platforms: each verifies, parses and sends for one of them, and knows nothing of the others."""

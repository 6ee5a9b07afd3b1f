"""How a text is read before it is judged: letters, words, phrases, patterns. Pure; start with `screening.py` one level up."""

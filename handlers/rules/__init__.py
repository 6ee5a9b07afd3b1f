"""Rules of the hotline as pure functions: no I/O, no clock."""

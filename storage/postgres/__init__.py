"""PostgreSQL: the same statements as on SQLite, with row locks, for any number of processes side by side."""

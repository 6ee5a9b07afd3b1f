"""The loops that move messages: inbox, outbox, timers. Each waits for a wake-up or at most a second, and survives its errors."""

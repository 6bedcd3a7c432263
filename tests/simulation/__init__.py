"""The whole system in one process, deterministic: real policies, loops, gates, tickers over memory twins."""

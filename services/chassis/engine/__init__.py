"""The loop and what it stands on: journal, timers, decoding, effects, dead letters."""

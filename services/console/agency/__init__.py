"""An agency's commands: refer, correct, withdraw, ask, and see what becomes of it."""

"""Who waits, and who comes first."""

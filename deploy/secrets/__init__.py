"""Makes keys and certificates. Nothing here is kept in the repository."""

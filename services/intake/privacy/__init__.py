"""Persons: sealing them, the keys that seal them, and the fingerprints that recognise them."""

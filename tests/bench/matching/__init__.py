"""``make bench ONLY=match``: how fast a need finds its services."""

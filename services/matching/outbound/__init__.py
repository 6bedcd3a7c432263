"""What matching counts and warns about while its events are published."""

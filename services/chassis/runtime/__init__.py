"""What tunes or kills a running process: garbage collection, crash points for tests."""

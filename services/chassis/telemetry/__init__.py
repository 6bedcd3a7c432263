"""Logs, metrics and traces, and the catalogue of every name that may appear in them."""

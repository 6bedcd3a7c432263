"""Matching's periodic work."""

"""Intake's periodic work."""

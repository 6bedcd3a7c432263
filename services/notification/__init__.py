"""Offers to providers, deadlines, answers."""

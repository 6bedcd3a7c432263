"""Outcomes' periodic work: publishing indicators, and loop closure as metrics."""

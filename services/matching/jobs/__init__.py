"""Matching's periodic work: `sweep.py` repeats lost messages, `price_sets.py` makes prices, `gather.py` counts."""

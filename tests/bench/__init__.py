"""Speed, as ratios against a baseline of the same run. ``make bench``; never part of ``make test``."""

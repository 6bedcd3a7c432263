"""Which of the services that can take a need suits it best.

`candidate.py` is the type that a choice works with, `score.py` ranks candidates, `net_value.py` subtracts what a place
costs others. Start with `score.rank`. Who waits for a place is decided in `waitlist`.
"""

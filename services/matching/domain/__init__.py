"""Matching's decisions. Pure: no I/O, no clock, no randomness.

Start with `policy.decide`, which names the step for each event. The steps:

- `need_changes.py`: a need is registered, corrected or withdrawn.
- `offers.py`: a provider accepts, declines, stays silent, or reports the outcome.
- `look_again.py`: a waiting need is recalled, or one of its timers is due.
- `placement.py`: match a need, or put it on hold or on the waiting list, or end it as unmet.

What they are made of: `choice.py` chooses the services, `matches.py` claims the places, `waiting.py` puts needs on the
list, `release.py` releases places, `rationale.py` records why, `facts.py` builds the facts, `state.py` folds them, and
`context.py` is what was loaded for the batch. `recommendation.py` answers without placing anybody.
"""

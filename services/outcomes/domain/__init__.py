"""Outcomes' decisions. Pure: no I/O, no clock, no randomness. Start with ``policy.py``.

- ``normalise.py``, ``normalise_offer.py``: every event of the other services becomes one `Noted`.
- ``rank.py``: the order of states. ``state.py``: what is known about a need, whatever the order of events.
- ``status.py``: what an agency reads: what happened, what comes next, by when.
- ``indicators.py``: counts that can be published. ``loop_closure.py``: whether ends were reported, and how soon.
"""

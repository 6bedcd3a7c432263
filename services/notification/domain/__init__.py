"""Notification's decisions. Pure: no I/O, no clock, no randomness. Start with ``policy.py``.

- ``transitions.py``: the tables. What a provider may answer in a state, and which clocks run in it.
- ``offer.py``: one offer, a type for each of its phases. ``state.py``: the offers of one need, folded from facts.
- ``offering.py``: a match becomes an offer.
- ``answers.py``: what an answer changes. ``confirmation.py``: how its provider learns that it took effect.
- ``overdue.py``: what silence changes.
- ``broadcast.py``: several offers at once, of which one is accepted.
- ``release_ended.py``: informs intake when a provider no longer has the person.
- ``deadlines.py``, ``opening_hours.py``: when something is due.
- ``messages.py``: the fields that facts and messages to providers share.
"""

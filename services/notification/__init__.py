"""Sends offers to providers, watches their deadlines, and decides what each answer changes.

- Start with ``domain/policy.py``: one step for each event that is handled.
- ``domain/transitions.py`` is the table of answers: what a provider may answer in each state of an offer.
- ``admission.py`` checks what providers send, ``outbound/`` what leaves for them.
- What follows from a decline is decided by matching, from the table in ``contracts/steps.py``.
"""

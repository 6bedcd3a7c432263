"""Intake's decisions. Pure: no I/O, no clock, no randomness.

Start with `policy`, which says what each event leads to. `state` is what the facts add up to. `agency_requests` has the
steps for an agency's messages, `releases` and `recalls` those for providers, `deduplication` those for a person who is
known under two references. `consent`, `household` and `triage` are the rules that they share.
"""

"""Follows each need from all services: reports its status to its agency, publishes indicators, keeps the timeline.

- Start with ``domain/policy.py``. ``domain/rank.py`` says which state of a need is later than which.
- ``jobs/`` publishes indicators and measures loop closure; ``queries/`` serves the timeline of a referral to operators.
- A new event of another service needs a case in ``domain/normalise.py``, and if it is reported to agencies a row in one
  of the tables of ``domain/status.py``.
"""

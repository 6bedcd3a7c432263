"""Places: `places.py` knows which are taken and which to claim, `full_services.py` which services have none left.

Who gets a free place is decided in `waitlist` and `domain/choice.py`.
"""

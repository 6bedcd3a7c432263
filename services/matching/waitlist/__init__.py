"""Who waits, and who comes first.

`precedence.py` defines the order and why it is so; start there. `queue.py` keeps the queue of each service,
`household_reserve.py` the places kept for households that have waited too long.
"""

"""What a place costs others.

Decisions write down `observations.py`; `build.py` turns them into a `PriceSet`, by way of `estimates.py` (how long
places are taken), `price_set.py` (demand and supply) and `shadow_prices.py` (the optimisation, with its sources).
`current_prices.py` follows the set in force. What a need is charged is in `ranking/net_value.py`.
"""

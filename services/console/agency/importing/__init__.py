"""From a CSV or JSON file to referrals.

- `rows`: reads and validates every row. Start here.
- `columns`, `schema`: which column of a sheet is which field of a referral.
- `progress`: which rows of a file were sent already.
"""

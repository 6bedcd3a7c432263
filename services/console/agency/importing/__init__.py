"""From a CSV or JSON file to referrals: columns, rows, validation, and how far a file has been sent."""

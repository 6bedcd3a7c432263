"""The directory, eligibility, ranking, places and the waiting list."""

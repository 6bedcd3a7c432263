"""What a place costs others: observations, estimates, shadow prices."""

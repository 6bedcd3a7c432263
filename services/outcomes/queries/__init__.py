"""What operators ask of outcomes: the timeline of a referral."""

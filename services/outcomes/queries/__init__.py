"""What operators ask outcomes: the timeline of a referral or a need."""

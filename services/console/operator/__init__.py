"""What operators do: tenants, topics, dead letters, lag, timelines, doctor."""

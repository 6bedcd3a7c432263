"""What a service answers over HTTP: health, metrics, and operators' queries."""

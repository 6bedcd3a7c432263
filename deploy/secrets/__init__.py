"""Makes secrets for development and compose: `keys` for the services, `certificates` for Kafka.

The repository stores none of them. In production both come from a vault.
"""

"""What notification does while its events are published: recipients, warnings."""

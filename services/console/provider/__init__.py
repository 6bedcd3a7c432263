"""A provider's commands: publish services, read offers, answer them."""

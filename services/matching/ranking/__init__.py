"""Which of the services that can take a need is best for it."""

"""Places: which are taken, and which services have none left."""

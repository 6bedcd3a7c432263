"""The image, and the steps that the compose stack runs once."""

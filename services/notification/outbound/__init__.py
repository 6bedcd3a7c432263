"""What happens while events are published: operators are warned, and barred providers receive nothing."""

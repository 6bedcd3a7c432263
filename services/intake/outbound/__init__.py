"""What intake adds to an event at the last step before it is published: released contacts."""

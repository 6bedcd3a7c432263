"""What the other rooms of matching share: directory entries, limits, places on a map."""

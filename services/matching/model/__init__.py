"""What the other rooms of matching share: directory entries (`entry`), limits (`limits`), places on a map (`geo`)."""

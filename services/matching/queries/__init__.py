"""What operators ask of matching: why a need was matched as it was."""

"""What operators ask of matching: why a need stands where it does (`explanation`), in plain words (`sentences`)."""

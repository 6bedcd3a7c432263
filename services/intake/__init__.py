"""Validates, de-duplicates, triages, seals personal data; releases it within consent."""

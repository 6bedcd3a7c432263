"""Checks referrals, detects duplicates, triages needs, seals personal data, and releases it within consent.

``admission`` is what agencies send, ``domain`` the decisions, ``privacy`` the sealing of people and their identity
fingerprints, ``outbound`` the release of contacts to providers, ``jobs`` the periodic work. `app` wires them.
"""

"""What intake adds to an event in the last step before it is published: the contact, encrypted to the provider.

Start with `contact_release`. `journal_reader` gives it the referrals as they are now, `provider_keys` the public keys.
"""

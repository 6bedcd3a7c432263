"""People: how they are sealed, the keys that seal them, and the identity fingerprints that recognise them.

`person` is what is sealed and what of it may be released, `key_ring` the data key of each referral. `fingerprint` makes
the identity fingerprint of a person, from the canonical name that `name_folding` makes; `placeholder_names` are none.
"""

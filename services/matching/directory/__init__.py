"""The services that can be matched, and the index that finds those that can take a need.

- `directory`: start here. Reads the providers' topics and answers which services there are and which fit.
- `index`: the search over a category; begins with an explanation of its bitmaps. `shard` stores them, `bitmaps` and
  `person_kinds` say which ones an entry is in, `bitmap_rules` and `alternative_bitmaps` are the rules on them.
- `expiry`: when an entry is stale or over, and how its provider is notified.
- `entry_flags`: what providers' answers have shown about entries: full, or with disputed rules.
- `hard_to_place`: which needs have few services to choose from.

Not here: what the rules are (`eligibility`), and which places are free (`capacity`).
"""

"""Whom a service is for: which needs it can take, and what its provider has to assess.

- `rules`: start here. The ordered table of all rules, a small pure function for each.
- `assessment`: the rules about people, for everyone a need is for: yes, no or unknown.
- `criteria`: the same for one person and one criterion. The only place for rules of age, sex, status, flags and size.
- `alternatives`: a service's alternatives, exclusions and conditions in words.

Not here: free places (`capacity`), and the fast search over a whole category (`directory.index`), which must agree with
these rules.
"""

"""What agencies send, checked and minimised. Start with `referrals`.

`minimise` makes the coarse profile that matching sees; everything else about a person is sealed here (see ``privacy``).
"""

"""The commands of operators.

- `tenants`, `topics`: onboard organisations; compare and apply topics and access rules.
- `doctor`, `lag`: check everything once (`checks`); how far consumer groups are behind (`consumer_groups`).
- `dead_letters`, `replay`: list, open and replay records that could not be handled (`dead_letter`).
- `timeline`: what happened to a referral, and why. `demo`: route made-up people through a real system.
- `cluster`: the operator's Kafka client, which these commands share.
"""

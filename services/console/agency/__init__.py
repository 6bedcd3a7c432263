"""The commands of an agency.

- `submit`: refer and correct, from files that `importing/` reads. `withdraw`: end a referral or a need.
- `status`: where each need stands, computed in `status_view`.
- `recommend`: asks which services a person could go to.
"""

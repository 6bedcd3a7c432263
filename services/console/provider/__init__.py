"""The commands of a provider.

- `directory`: publish, list and remove services, and change their capacity; `service_file` reads the files.
- `inbox`: offers, released contacts and recalls; the state of each case is computed in `cases`.
- `answer`: one command for each answer to an offer; `lines` writes each notification as a line.
- `deleted`: confirms that recalled data was deleted.
"""

"""The commands of a provider.

- `directory`: publish, list and remove services, and change their capacity; `service_file` reads the files.
- `inbox`: offers, released contacts and recalls; the state of each case is computed in `cases`.
- `answer`: one command for each answer to an offer; `lines` writes each notification as a line.
- `replies`: how long these commands wait for the system's reply, and what they say if none comes.
- `deleted`: confirms that recalled data was deleted.
"""

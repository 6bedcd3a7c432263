"""The command line `referrals`, for agencies, providers, analysts and operators. Start with commands.py.

- `commands`: all commands in one table, by role. `__main__`: the options before a command, and exit statuses.
- `agency/`, `provider/`, `analyst/`, `operator/`: the commands of one role each.
- `shared/`: what all of them use: login, Kafka client, settings, output and errors.
- `hsds/`: reads service directories in the Open Referral format (HSDS).
- `docs/`: one page per role; a test plays every command in them.

The console is a client of Kafka and of the services' HTTP like any other: it has no rights of its own, and no service
imports it.
"""

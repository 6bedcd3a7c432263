"""What the commands of every role use.

- `settings`, `identity`, `connection`: where the system is, who gives the command, and the first contact with Kafka.
- `client`, `records`, `interruption`: an organisation's Kafka client, what it reads and sends, and Ctrl-C meanwhile.
- `output`, `errors`: what a command prints, and how it fails. `language`: of sentences.
- `vocabulary_file`: TOML files in which an organisation explains its own terms.
"""

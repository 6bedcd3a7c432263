"""What every role's commands use: login, client, settings, output, errors."""

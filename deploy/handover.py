"""What an organisation is handed when it is taken in, as lines `NAME=value`: told once, kept nowhere."""

from deploy.tenants import Credentials


def lines(given: Credentials, kafka: str, ca: str = "") -> list[str]:
    """For an environment file, with the names that README's snippets read. `kafka` is where tenants find Kafka."""
    told = [f"KAFKA={kafka}", *([f"KAFKA_CA={ca}"] if ca else [])]
    for user, password in given.logins.items():
        told += [f"KAFKA_USER={user}", f"KAFKA_PASSWORD={password}"]
    if given.private_key:
        told += [f"PRIVATE_KEY={given.private_key}", f"PUBLIC_KEY={given.public_key}"]
    return told

"""What an organisation is handed when it is taken in, as lines `NAME=value`: told once, kept nowhere."""

from deploy.cluster.tenants import Credentials


def lines(given: Credentials, kafka: str, ca: str = "") -> list[str]:
    """For an environment file, with the names that README's snippets read.

    `kafka` is where tenants find Kafka, `ca` the file of the authority to trust; left out where they are empty.
    """
    told = [f"{name}={value}" for name, value in (("KAFKA", kafka), ("KAFKA_CA", ca)) if value]
    for user, password in given.logins.items():
        told += [f"KAFKA_USER={user}", f"KAFKA_PASSWORD={password}"]
    if given.private_key:
        told += [f"PRIVATE_KEY={given.private_key}", f"PUBLIC_KEY={given.public_key}"]
    return told

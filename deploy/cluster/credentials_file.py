"""An organisation's new credentials as lines `NAME=value`: shown once, stored nowhere."""

from deploy.cluster.tenants import Credentials


def lines(credentials: Credentials, kafka: str, ca: str = "") -> list[str]:
    """The lines of an environment file, with the names that `referrals --login` and README's snippets read.

    `kafka` is the address of Kafka for tenants, `ca` the file of the certificate authority to trust; an empty one is
    left out.
    """
    text = [f"{name}={value}" for name, value in (("KAFKA", kafka), ("KAFKA_CA", ca)) if value]
    for user, password in credentials.logins.items():
        text += [f"KAFKA_USER={user}", f"KAFKA_PASSWORD={password}"]
    if credentials.private_key:
        text += [f"PRIVATE_KEY={credentials.private_key}", f"PUBLIC_KEY={credentials.public_key}"]
    return text

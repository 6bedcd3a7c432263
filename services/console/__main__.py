"""Start the command line."""


def main() -> None:
    """Nothing yet."""

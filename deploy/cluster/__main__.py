"""Compare or apply Kafka's access rules: ``python -m deploy.cluster apply|diff|verify``."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from deploy.cluster import access, tenants
from deploy.cluster.login import Login


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare or apply the declared access rules. Exit status 1 when `diff` or `verify` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=main.__doc__)
    parser.add_argument("command", choices=["apply", "diff", "verify"])
    parser.add_argument("--kafka", default="127.0.0.1:9092", metavar="HOST:PORT", help="the operator's listener")
    parser.add_argument("--user", default="operator", help="the operator's Kafka user")
    parser.add_argument("--password", default="", help="the operator's password, or @FILE that holds it")
    parser.add_argument("--mechanism", default="PLAIN", help="SASL mechanism: PLAIN or SCRAM-SHA-512")
    parser.add_argument("--ca", default="", metavar="PEM", help="certificate authority to trust; empty: no TLS")
    parser.add_argument("--json", action="store_true", help="print the differences as JSON")
    args = parser.parse_args(arguments)
    password = Path(args.password[1:]).read_text().strip() if args.password.startswith("@") else args.password
    operator = Login(args.kafka, args.user, password, args.mechanism, args.ca)
    rules = tenants.declared_rules(operator)
    if args.command == "apply":
        difference = access.AccessDifference(access.apply(operator, rules), [])
    else:
        difference = access.diff(operator, rules)
    _report(difference, len(rules), args.json)
    if args.command != "apply" and (difference.missing or difference.surplus):
        sys.exit(1)


def _report(difference: access.AccessDifference, declared: int, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(difference)))
        return
    signed = [("+", rule) for rule in difference.missing] + [("-", rule) for rule in difference.surplus]
    for sign, rule in signed:
        print(sign, rule.principal, rule.operation, rule.kind, rule.name + ("*" if rule.prefix else ""))
    missing, surplus = len(difference.missing), len(difference.surplus)
    print(f"{declared} rules declared, {missing} were missing, {surplus} in Kafka are not declared")


if __name__ == "__main__":
    main()

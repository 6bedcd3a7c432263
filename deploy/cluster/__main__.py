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
    """Compare or apply the declared rules. Exit status 1 when `diff` or `verify` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=main.__doc__)
    parser.add_argument("command", choices=["apply", "diff", "verify"])
    parser.add_argument("--kafka", default="127.0.0.1:9092", metavar="HOST:PORT", help="the operator's listener")
    parser.add_argument("--user", default="operator")
    parser.add_argument("--password", default="", help="or @file")
    parser.add_argument("--mechanism", default="PLAIN")
    parser.add_argument("--ca", default="", metavar="PEM")
    parser.add_argument("--json", action="store_true", help="for programs")
    args = parser.parse_args(arguments)
    password = Path(args.password[1:]).read_text().strip() if args.password.startswith("@") else args.password
    operator = Login(args.kafka, args.user, password, args.mechanism, args.ca)
    rules = tenants.declared_rules(operator)
    found = (
        access.AccessDifference(access.apply(operator, rules), [])
        if args.command == "apply"
        else access.diff(operator, rules)
    )
    if args.json:
        print(json.dumps(asdict(found)))
    else:
        for sign, each in [("+", rule) for rule in found.missing] + [("-", rule) for rule in found.surplus]:
            print(sign, each.principal, each.operation, each.kind, each.name + ("*" if each.prefix else ""))
        print(f"{len(rules)} rules declared, {len(found.missing)} missing before, {len(found.surplus)} not declared")
    if args.command != "apply" and (found.missing or found.surplus):
        sys.exit(1)


if __name__ == "__main__":
    main()

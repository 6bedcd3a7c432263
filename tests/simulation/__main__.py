"""``make simulate SEEDS=10000``: runs that many seeds, and prints a line for each that fails. Then it exits with 1."""

import argparse
import json
import sys
import time
from pathlib import Path

from .seeds import faults_of

parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
parser.add_argument("seeds", type=int, nargs="?", default=1000, help="how many seeds to run")
parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
arguments = parser.parse_args()
started = time.monotonic()
faults = faults_of(range(arguments.first, arguments.first + arguments.seeds))
sys.stdout.write("".join(f"{fault}\n" for fault in faults))
seconds = round(time.monotonic() - started)
sys.stdout.write(f"{arguments.seeds} seeds, {len(faults)} wrong, {seconds} s\n")
result = Path("build/simulate.json")
result.parent.mkdir(exist_ok=True)
result.write_text(json.dumps({"seeds": arguments.seeds, "wrong": len(faults), "seconds": seconds}) + "\n")
sys.exit(bool(faults))

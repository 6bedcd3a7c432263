"""``make simulate SEEDS=10000``: as many runs, and a line for each that is wrong. Exit status 1 if there is one."""

import argparse
import sys
import time

from .seeds import many

parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
parser.add_argument("seeds", type=int, nargs="?", default=1000)
parser.add_argument("--from", dest="first", type=int, default=0)
arguments = parser.parse_args()
started = time.monotonic()
faults = many(range(arguments.first, arguments.first + arguments.seeds))
sys.stdout.write("".join(f"{fault}\n" for fault in faults))
sys.stdout.write(f"{arguments.seeds} seeds, {len(faults)} wrong, {time.monotonic() - started:.0f} s\n")
sys.exit(bool(faults))

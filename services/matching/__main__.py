"""``python -m services.matching``; ``--settings`` prints the table of settings."""

from services.chassis.runtime.start import start

from .app import build
from .settings import MatchingSettings

start(build, MatchingSettings)

"""``python -m services.outcomes``; ``--settings`` prints the table of settings."""

from services.chassis.runtime.start import start

from .app import build
from .settings import OutcomesSettings

start(build, OutcomesSettings)

"""``python -m services.intake``; ``--settings`` prints the table of settings."""

from services.chassis.runtime.start import start

from .app import build
from .settings import IntakeSettings

start(build, IntakeSettings)

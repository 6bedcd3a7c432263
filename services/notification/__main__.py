"""``python -m services.notification``; ``--settings`` prints the table of settings."""

from services.chassis.runtime.start import start

from .app import build
from .settings import NotificationSettings

start(build, NotificationSettings)

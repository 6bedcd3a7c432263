"""Writes the schemas, and removes those of types that no longer exist."""

from . import FOLDER, exported

texts = exported()
for stale in {path.name for path in FOLDER.glob("*.json")} - texts.keys():
    (FOLDER / stale).unlink()
for name, text in texts.items():
    (FOLDER / name).write_text(text)

"""Write the schemas; remove those of types that are gone."""

from . import FOLDER, exported

texts = exported()
for stale in {path.name for path in FOLDER.glob("*.json")} - texts.keys():
    (FOLDER / stale).unlink()
for name, text in texts.items():
    (FOLDER / name).write_text(text)

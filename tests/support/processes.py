"""Processes of their own, for what takes long: how they log must not stay behind in a test run."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from services.chassis.telemetry import logs


def pool(name: str, workers: int | None = None) -> ProcessPoolExecutor:
    """As many as there are cores, if nothing else is said; each starts as a copy of this one, and hardly logs."""
    return ProcessPoolExecutor(
        workers, mp_context=get_context("fork"), initializer=logs.configure, initargs=(name, "critical")
    )

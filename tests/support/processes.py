"""Separate processes for long computations, so that their logging setup does not affect the test run."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from services.chassis.telemetry import logs


def pool(name: str, workers: int | None = None) -> ProcessPoolExecutor:
    """A pool of processes, by default one per core. Each is a fork of this one, and logs only what is critical."""
    return ProcessPoolExecutor(
        workers, mp_context=get_context("fork"), initializer=logs.configure, initargs=(name, "critical")
    )

"""Where a need is, and which H3 cells a service with a radius reaches, so that no distance is computed to find it.

A need's cell has resolution 5, and its distance counts from the cell's centre. So a radius of up to `_NEAR_KM` is told
exactly by the cells of resolution 5 whose centres lie within it. A longer one is told by cells of resolution 3 (some
12,000 km²): those that lie within it for certain, and those at its edge, where the distance has to be looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import h3

Point = tuple[float, float]
"""Latitude and longitude, WGS 84 degrees."""

distance_km: Callable[[Point, Point], float] = h3.great_circle_distance
"""Along a great circle."""

_FINE, _ROUGH, _COARSE = 5, 4, 3
_NEAR_KM = 100.0
_WIDEST_KM = {_FINE: 15.0, _COARSE: 90.0}
"""More than from a cell's centre to any point of it: 10.9 km and 76 km, with H3's distortion."""
_SPREAD_KM = 75.0
"""More than from the centre of a coarse cell to that of any fine cell in it: 67.7 km, of all there are."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A valid cell: its centre, and the fine and the coarse cell it is in. None: it is in no fine one."""

    centre: Point
    fine: str | None
    coarse: str | None


@lru_cache(maxsize=100_000)
def spot(cell: str) -> Spot | None:
    """None for what is no cell. Only cells of resolution 5, as intake makes them, are found by their names."""
    if not h3.is_valid_cell(cell):
        return None
    name = h3.int_to_str(h3.str_to_int(cell))
    fine = name if h3.get_resolution(name) == _FINE else None
    return Spot(h3.cell_to_latlng(name), fine, h3.cell_to_parent(name, _COARSE) if fine else None)


def centre_of(cell: str | None) -> Point | None:
    """Of a valid cell."""
    found = None if cell is None else spot(cell)
    return None if found is None else found.centre


def roughly(point: Point) -> Point:
    """The centre of the cell of some 1,800 km² that it lies in: up to some 28 km away."""
    return h3.cell_to_latlng(h3.latlng_to_cell(*point, _ROUGH))  # type: ignore[no-any-return]


def reach(centre: Point, radius_km: float) -> tuple[list[str], list[str]]:
    """The cells all of whose needs are within the radius, and those of whose needs some may be."""
    if radius_km <= _NEAR_KM:
        return [cell for cell, distance in _around(centre, _FINE, radius_km) if distance <= radius_km], []
    near = _around(centre, _COARSE, radius_km + _SPREAD_KM)
    within = [cell for cell, distance in near if distance + _SPREAD_KM <= radius_km]
    edge = [cell for cell, distance in near if abs(distance - radius_km) < _SPREAD_KM]
    return within, edge


def _around(centre: Point, resolution: int, radius_km: float) -> list[tuple[str, float]]:
    """Cells ring by ring with the distances of their centres, at least all of those within the radius.

    No such cell lies outside of a ring that is beyond the radius as a whole: the way to it would cross the ring.
    """
    home, beyond = h3.latlng_to_cell(*centre, resolution), radius_km + _WIDEST_KM[resolution]
    found: list[tuple[str, float]] = []
    for steps in count():
        ring = [(cell, distance_km(h3.cell_to_latlng(cell), centre)) for cell in h3.grid_ring(home, steps)]
        found += ring
        if min(distance for _, distance in ring) > beyond:
            return found
    raise AssertionError("rings without end")

"""Places on a map: distances, and which H3 cells a service's radius covers, so that a search computes no distances.

A need's cell has resolution 5, and its distance counts from the centre of the cell. So cells of resolution 5 whose
centres lie within the radius decide exactly, for a radius up to `_NEAR_KM`. A wider one uses cells of resolution 3 of
some 12,000 km²: those that lie within it for certain, and those at its edge, where the distance has to be computed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import h3

Point = tuple[float, float]
"""Latitude and longitude in degrees, WGS 84."""

distance_km: Callable[[Point, Point], float] = h3.great_circle_distance
"""Along a great circle."""

_FINE, _ROUGH, _COARSE = 5, 4, 3
"""H3 resolutions: of a need's cell, of a confidential address, and for wide radii."""
_NEAR_KM = 100.0
_WIDEST_KM = {_FINE: 15.0, _COARSE: 90.0}
"""More than from a cell's centre to any point in it, which is 10.9 km and 76 km with H3's distortion."""
_SPREAD_KM = 75.0
"""More than from the centre of any coarse cell to that of any fine cell in it, which is 67.7 km."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A valid cell: its centre, and the fine and the coarse cell that it lies in; None if it is not fine."""

    centre: Point
    fine: str | None
    coarse: str | None


@lru_cache(maxsize=100_000)
def spot(cell: str) -> Spot | None:
    """The spot of a cell. None: it is no cell. Only cells of resolution 5, as intake makes them, are found by name."""
    if not h3.is_valid_cell(cell):
        return None
    name = h3.int_to_str(h3.str_to_int(cell))
    fine = name if h3.get_resolution(name) == _FINE else None
    return Spot(h3.cell_to_latlng(name), fine, h3.cell_to_parent(name, _COARSE) if fine else None)


def centre_of(cell: str | None) -> Point | None:
    """The centre of a cell. None if there is no cell or it is not valid."""
    place = None if cell is None else spot(cell)
    return None if place is None else place.centre


def coarse_location(point: Point) -> Point:
    """The centre of the H3 cell of resolution 4 that the point lies in: some 1,800 km², so up to some 28 km away."""
    return h3.cell_to_latlng(h3.latlng_to_cell(*point, _ROUGH))  # type: ignore[no-any-return]


def reach(centre: Point, radius_km: float) -> tuple[list[str], list[str]]:
    """The cells that lie within the radius for every need in them, and those where it depends on the need."""
    if radius_km <= _NEAR_KM:
        return [cell for cell, distance in _around(centre, _FINE, radius_km) if distance <= radius_km], []
    near = _around(centre, _COARSE, radius_km + _SPREAD_KM)
    within = [cell for cell, distance in near if distance + _SPREAD_KM <= radius_km]
    edge = [cell for cell, distance in near if abs(distance - radius_km) < _SPREAD_KM]
    return within, edge


def _around(centre: Point, resolution: int, radius_km: float) -> list[tuple[str, float]]:
    """Cells with the distances of their centres, ring by ring: all of those within the radius, and some more.

    Stops at a ring that lies beyond the radius as a whole: the way to any cell further out would cross that ring.
    """
    home, beyond = h3.latlng_to_cell(*centre, resolution), radius_km + _WIDEST_KM[resolution]
    cells: list[tuple[str, float]] = []
    for steps in count():
        ring = [(cell, distance_km(h3.cell_to_latlng(cell), centre)) for cell in h3.grid_ring(home, steps)]
        cells += ring
        if min(distance for _, distance in ring) > beyond:
            return cells
    raise AssertionError("rings without end")

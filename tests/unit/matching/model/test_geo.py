"""The cells of a radius say of every cell around what its distance says; also where H3's grid is odd."""

import h3
import pytest

from services.matching.model.geo import Point, distance_km, reach, spot

PENTAGON: Point = h3.cell_to_latlng(h3.get_pentagons(5)[0])


@pytest.mark.parametrize("radius", [12.0, 60.0, 100.0, 101.0, 250.0])
@pytest.mark.parametrize("centre", [(52.0976, 23.7341), PENTAGON, (89.9, 10.0), (65.0, -179.98)])
def test_cells_tell_what_the_distance_tells_or_that_it_has_to_be_looked_at(centre: Point, radius: float) -> None:
    within, edge = map(set, reach(centre, radius))
    looked_at = set()
    for cell in h3.grid_disk(h3.latlng_to_cell(*centre, 5), int(radius / 12) + 4):
        found = spot(cell)
        assert found is not None
        if found.coarse in edge:
            looked_at.add(cell)
        else:
            assert ({found.fine, found.coarse} & within != set()) is (distance_km(found.centre, centre) <= radius)
    assert not looked_at or radius > 100, "up to there nothing is left open"


def test_what_is_no_cell_is_nowhere_and_another_spelling_is_the_same() -> None:
    cell = h3.latlng_to_cell(52.0976, 23.7341, 5)
    assert spot("nonsense") is None
    assert spot(cell.upper()) == spot(cell)
    large = spot(h3.cell_to_parent(cell, 4))
    assert large is not None
    assert large.fine is None

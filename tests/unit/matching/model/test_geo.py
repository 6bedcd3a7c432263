"""The cells of a radius agree with distances for every cell around it; also where the H3 grid is irregular."""

import h3
import pytest

from services.matching.model.geo import Point, distance_km, reach, spot

PENTAGON: Point = h3.cell_to_latlng(h3.get_pentagons(5)[0])


@pytest.mark.parametrize("radius", [12.0, 60.0, 100.0, 101.0, 250.0])
@pytest.mark.parametrize("centre", [(52.0976, 23.7341), PENTAGON, (89.9, 10.0), (65.0, -179.98)])
def test_cells_agree_with_the_distance_or_leave_it_to_be_computed(centre: Point, radius: float) -> None:
    within, edge = map(set, reach(centre, radius))
    undecided = set()
    for cell in h3.grid_disk(h3.latlng_to_cell(*centre, 5), int(radius / 12) + 4):
        place = spot(cell)
        assert place is not None
        if place.coarse in edge:
            undecided.add(cell)
        else:
            assert ({place.fine, place.coarse} & within != set()) is (distance_km(place.centre, centre) <= radius)
    assert not undecided or radius > 100, "up to 100 km the cells decide everything"


def test_an_invalid_cell_has_no_spot_and_another_spelling_has_the_same() -> None:
    cell = h3.latlng_to_cell(52.0976, 23.7341, 5)
    assert spot("nonsense") is None
    assert spot(cell.upper()) == spot(cell)
    large = spot(h3.cell_to_parent(cell, 4))
    assert large is not None
    assert large.fine is None

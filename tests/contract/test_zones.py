"""Which day it is in a region."""

from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import zones

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
REGIONS = st.one_of(
    st.sampled_from(sorted(zones._by_subdivision())),
    st.sampled_from(sorted(zones._zones_by_country())),
    st.from_regex(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", fullmatch=True),
)


@pytest.mark.parametrize(
    ("region", "hours"),
    [
        ("BY-BR", 3), ("BY", 3), ("PL-LU", 1), ("UA-46", 2), ("UA", 2), ("LT-VL", 2), ("MD", 2), ("GE-TB", 4),
        ("RU", 3), ("RU-MOW", 3), ("RU-KGD", 2), ("RU-SVE", 5), ("RU-NVS", 7), ("RU-KAM", 12), ("US-NY", -5),
        ("US-CA", -8), ("US-HI", -10), ("CA-NL", -3.5), ("CA-BC", -8), ("BR-AC", -5), ("BR-SP", -3), ("PT-20", -1),
        ("PT-11", 0), ("ES-CN", 0), ("ES-MD", 1), ("CD-KN", 1), ("CD-NK", 2), ("ID-PA", 9), ("ID-JK", 7),
        ("MX-BCN", -8), ("MX-CMX", -6), ("AU-WA", 8), ("FR-974", 4), ("FR-IDF", 1), ("NL", 1), ("AF-KAB", 4.5),
        ("NP", 5.75), ("KZ-ALA", 5), ("MN-043", 7), ("XK", 1), ("TL-DI", 9), ("WS-AA", 13), ("ZZ", 0), ("DE-BE", 1),
        ("CL-MA", -3),
    ],
)  # fmt: skip
def test_clocks_of_regions_in_winter(region: str, hours: float) -> None:
    assert NOON.astimezone(zones.zone_of(region)).utcoffset() == timedelta(hours=hours)


def test_every_zone_exists_and_every_country_has_one() -> None:
    names = {*zones._by_country().values(), *zones._by_subdivision().values()}
    assert names <= available_timezones()
    codes = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8").splitlines()
    countries = {line[:2] for line in codes if not line.startswith("#")} - {"BV", "HM"}  # nobody lives there
    assert countries <= zones._zones_by_country().keys()


def test_where_clocks_of_a_country_differ_the_zone_of_most_people_is_stated() -> None:
    half_a_year = [datetime(2026, month, 15, tzinfo=UTC) for month in (1, 7)]
    tab = (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines()
    clocks: dict[str, set[tuple[timedelta | None, ...]]] = {}
    for line in tab:
        if not line.startswith("#"):
            zone = ZoneInfo(line.split("\t")[2])
            clocks.setdefault(line[:2], set()).add(tuple(at.astimezone(zone).utcoffset() for at in half_a_year))
    assert {country for country, each in clocks.items() if len(each) > 1} <= zones._by_country().keys()
    assert {region[:2] for region in zones._by_subdivision()} <= zones._by_country().keys()


@given(REGIONS, MOMENTS)
def test_the_latest_day_is_never_before_the_local_day(region: str, at: datetime) -> None:
    assert zones.local_day(region, at) <= zones.latest_day(region, at)
    assert abs(zones.local_day(region, at) - at.date()) <= timedelta(days=1)
    assert zones.latest_day(region, at) - zones.local_day(region, at) <= timedelta(days=1)


def test_a_day_begins_with_its_region() -> None:
    evening = datetime(2026, 11, 30, 21, 0, tzinfo=UTC)
    assert zones.local_day("BY-BR", evening) == date(2026, 12, 1)
    assert zones.local_day("BY-BR", evening - timedelta(seconds=1)) == date(2026, 11, 30)
    assert zones.local_day("US-CA", datetime(2026, 12, 1, 7, 59, tzinfo=UTC)) == date(2026, 11, 30)


def test_the_future_begins_in_the_easternmost_zone_of_the_country() -> None:
    noon = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)  # midnight in Kamchatka
    assert zones.latest_day("RU-MOW", noon) == date(2026, 12, 1)
    assert zones.latest_day("BY-HM", noon) == date(2026, 11, 30)
    assert zones.latest_day("ZZ", noon) == date(2026, 12, 1)

"""Which day it is in a region: ISO 3166-2 subdivisions and their IANA time zones.

The zones of a country are those of ``zone.tab`` in the package `tzdata`, which follows every change. That file does not
say which subdivision has which zone, so two tables here do: the zone of most people, for each country in which clocks
differ, and the subdivisions whose clocks differ from it. They were made from the coordinates of the package
``iso3166-2`` 1.8 with ``timezonefinder`` 8. A subdivision with several zones has that of most of its people.

Where a country is unknown, its day is that of UTC.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from .agency import Admin1

_MOST_PEOPLE = """
AQ=Antarctica/McMurdo AU=Australia/Sydney BR=America/Sao_Paulo CA=America/Toronto CD=Africa/Kinshasa
CL=America/Santiago CN=Asia/Shanghai EC=America/Guayaquil ES=Europe/Madrid FM=Pacific/Pohnpei FR=Europe/Paris
GL=America/Nuuk ID=Asia/Jakarta KI=Pacific/Tarawa MN=Asia/Ulaanbaatar MX=America/Mexico_City NL=Europe/Amsterdam
NZ=Pacific/Auckland PF=Pacific/Tahiti PG=Pacific/Port_Moresby PT=Europe/Lisbon RU=Europe/Moscow UA=Europe/Kyiv
UM=Pacific/Wake US=America/New_York XK=Europe/Belgrade
"""

_SUBDIVISIONS = """
Africa/Lubumbashi: CD-BU CD-HK CD-HL CD-HU CD-IT CD-KC CD-KE CD-KS CD-LO CD-LU CD-MA CD-NK CD-SA CD-SK CD-TA CD-TO
America/Anchorage: US-AK
America/Aruba: NL-AW
America/Boa_Vista: BR-RR
America/Boise: US-ID
America/Campo_Grande: BR-MS
America/Cancun: MX-ROO
America/Cayenne: FR-973
America/Chicago: US-AL US-AR US-IA US-IL US-KS US-LA US-MN US-MO US-MS US-ND US-NE US-OK US-SD US-TN US-TX US-WI
America/Coyhaique: CL-AI
America/Cuiaba: BR-MT
America/Curacao: NL-CW
America/Denver: US-CO US-MT US-NM US-UT US-WY
America/Edmonton: CA-AB CA-NT
America/Guadeloupe: FR-971
America/Halifax: CA-NS CA-PE
America/Hermosillo: MX-SON
America/Los_Angeles: US-CA US-NV US-OR US-WA
America/Lower_Princes: NL-SX
America/Manaus: BR-AM
America/Marigot: FR-MF
America/Martinique: FR-972
America/Mazatlan: MX-BCS MX-NAY MX-SIN
America/Miquelon: FR-PM
America/Moncton: CA-NB
America/Phoenix: US-AZ
America/Porto_Velho: BR-RO
America/Puerto_Rico: US-PR
America/Punta_Arenas: CL-MA
America/Regina: CA-SK
America/Rio_Branco: BR-AC
America/St_Barthelemy: FR-BL
America/St_Johns: CA-NL
America/St_Thomas: US-VI
America/Tijuana: MX-BCN
America/Vancouver: CA-BC
America/Whitehorse: CA-YT
America/Winnipeg: CA-MB
Asia/Anadyr: RU-CHU
Asia/Barnaul: RU-AL RU-ALT
Asia/Chita: RU-ZAB
Asia/Hovd: MN-043 MN-046 MN-071
Asia/Irkutsk: RU-BU RU-IRK
Asia/Jayapura: ID-MA ID-ML ID-MU ID-PA ID-PB ID-PD ID-PE ID-PP ID-PS ID-PT
Asia/Kamchatka: RU-KAM
Asia/Krasnoyarsk: RU-KK RU-KYA RU-TY
Asia/Magadan: RU-MAG
Asia/Makassar: ID-BA ID-GO ID-KI ID-KS ID-KU ID-NB ID-NT ID-NU ID-SA ID-SG ID-SL ID-SN ID-SR ID-ST
Asia/Novokuznetsk: RU-KEM
Asia/Novosibirsk: RU-NVS
Asia/Omsk: RU-OMS
Asia/Sakhalin: RU-SAK
Asia/Tomsk: RU-TOM
Asia/Urumqi: CN-XJ
Asia/Vladivostok: RU-KHA RU-PRI RU-YEV
Asia/Yakutsk: RU-AMU RU-SA
Asia/Yekaterinburg: RU-BA RU-CHE RU-KGN RU-KHM RU-ORE RU-PER RU-SVE RU-TYU RU-YAN
Atlantic/Azores: PT-20
Atlantic/Canary: ES-CN ES-GC ES-TF
Australia/Adelaide: AU-SA
Australia/Brisbane: AU-QLD
Australia/Darwin: AU-NT
Australia/Perth: AU-WA
Europe/Astrakhan: RU-AST
Europe/Kaliningrad: RU-KGD
Europe/Samara: RU-SAM RU-UD
Europe/Saratov: RU-SAR
Europe/Simferopol: UA-40 UA-43
Europe/Ulyanovsk: RU-ULY
Indian/Mayotte: FR-976
Indian/Reunion: FR-974
Pacific/Bougainville: PG-NSB
Pacific/Chatham: NZ-CIT
Pacific/Chuuk: FM-TRK FM-YAP
Pacific/Galapagos: EC-W
Pacific/Guam: US-GU
Pacific/Honolulu: US-HI
Pacific/Kanton: KI-P
Pacific/Kiritimati: KI-L
Pacific/Noumea: FR-NC
Pacific/Pago_Pago: US-AS
Pacific/Saipan: US-MP
Pacific/Tahiti: FR-PF
Pacific/Wallis: FR-WF
"""

_FIRST_TO_BEGIN = "Pacific/Kiritimati"
"""The zone in which each day begins first, UTC+14."""


def local_day(admin1: Admin1, at: datetime) -> date:
    """The day in a region at a moment."""
    return at.astimezone(zone_of(admin1)).date()


def latest_day(admin1: Admin1, at: datetime) -> date:
    """The latest day that it may be for anybody in the region's country at a moment: what is after it is in the future.

    People move within a country, and a subdivision may have several zones.
    """
    zones = _zones_by_country().get(_country(admin1), frozenset({_FIRST_TO_BEGIN}))
    return max(at.astimezone(ZoneInfo(zone)).date() for zone in zones)


@lru_cache(maxsize=10_000)
def zone_of(admin1: Admin1) -> tzinfo:
    """The time zone of most people in a region; UTC where the country is unknown."""
    name = _by_subdivision().get(admin1) or _by_country().get(_country(admin1))
    if name is not None:
        return ZoneInfo(name)
    zones = _zones_by_country().get(_country(admin1), frozenset())
    return ZoneInfo(min(zones)) if zones else UTC  # the clocks of countries with several zones agree, or are above


def _country(admin1: Admin1) -> str:
    return admin1[:2]


@lru_cache(maxsize=1)
def _by_country() -> Mapping[str, str]:
    pairs = (pair.split("=") for pair in _MOST_PEOPLE.split())
    return dict(pairs)


@lru_cache(maxsize=1)
def _by_subdivision() -> Mapping[str, str]:
    zones: dict[str, str] = {}
    zone = ""
    for word in _SUBDIVISIONS.split():
        if word.endswith(":"):
            zone = word.removesuffix(":")
        else:
            zones[word] = zone
    return zones


@lru_cache(maxsize=1)
def _zones_by_country() -> Mapping[str, frozenset[str]]:
    zones: dict[str, set[str]] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones.setdefault(country, set()).add(zone)
    for region, zone in {**_by_country(), **_by_subdivision()}.items():
        zones.setdefault(_country(region), set()).add(zone)
    return {country: frozenset(names) for country, names in zones.items()}

"""135 real legal aid services in Florida, with rules on age, income and status (`shared/data/florida-legal`).

None of the data is copied here. `console.hsds` reads it; this module says what its terms mean.
"""

import csv
from pathlib import Path

from contracts.eligibility import Criteria
from contracts.words import Category, Flag, Status
from services.console.hsds import Nested, ReadService, Vocabulary, flat, readings

PATH = Path(__file__).parents[4] / "shared/data/florida-legal/florida_services.csv"
COUNTIES = 67
"""A service for all of them is one for the whole state."""

_STATUSES = {
    "United States Citizen": Status.CITIZEN,
    "Lawful Permanent Resident (LPR)": Status.RESIDENT,
    "Asylee": Status.PROTECTED,
    "Refugee": Status.PROTECTED,
    "Granted Suspension of  Deportation/Withholding of Removal": Status.PROTECTED,
    "Conditional Entrant INA(a)(7) (PRIOR TO 4/1/80 ONLY)": Status.PROTECTED,
}
"""The other terms say what happened to a person, or whose relative they are, which is not a status."""
_SURVIVOR = Criteria(flags_any=[Flag.GBV_SURVIVOR, Flag.VIOLENCE_SURVIVOR])
_CRITERIA = {
    "Victim of Trafficking  (18 and over)": Criteria(flags_any=[Flag.TRAFFICKING_VICTIM], minimum_age=18),
    "Victim of Trafficking (under 18)": Criteria(flags_any=[Flag.TRAFFICKING_VICTIM], maximum_age=17),
    "Victim/Survivor of battery,extreme cruelty,or sexual assault "
    "(including domestic / family / intimate partner violence)": _SURVIVOR,
}
"""Those of the other terms that an entry can express."""


def rows(path: Path = PATH) -> list[Nested]:
    """Every row in the shape of HSDS, in order."""
    return list(flat(_rows(path)))


def read(path: Path = PATH) -> list[ReadService]:
    """Every row, in order. All counties are in one subdivision, so the provider has to check the county."""
    services = rows(path)
    counties = {area["name"].lower() for each in services for area in each["service_areas"]}
    for each in services:
        if 0 < len(each["service_areas"]) < COUNTIES:
            each["conditions"][f"in {len(each['service_areas'])} of {COUNTIES} counties"] = True
    words = Vocabulary(
        area="US-FL",
        areas={name: "US-FL" for name in counties if name.endswith(" county")},
        category=Category.LEGAL,
        statuses={term.lower(): status for term, status in _STATUSES.items()},
        criteria={term.lower(): criteria for term, criteria in _CRITERIA.items()},
        timezone="America/New_York",
    )
    return readings(services, words)


def _rows(path: Path) -> list[dict[str | None, str]]:
    """Values of columns without a name are under None, like those that `csv` finds beyond the last column."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        head, *lines = csv.reader(file)
    return [
        {
            **{name: value for name, value in zip(head, line, strict=False) if name},
            None: "".join(line[_count_names(head) :]),
        }
        for line in lines
    ]


def _count_names(head: list[str]) -> int:
    return sum(bool(name) for name in head)

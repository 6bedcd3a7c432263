"""What answers and stays say of services. Pure.

Who accepts: a Beta distribution for each service, which starts as what all services have in common (so that one answer
does not make a reputation) and forgets (so that nobody is held to what was half a year ago).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from statistics import median

from .observations import Answer, Stay

HALF_LIFE = timedelta(days=30)
"""After which an answer counts half."""
STRENGTH = 4.0
"""So many answers of its own count as much as what all services have in common."""


def acceptance(answers: Iterable[Answer], today: date) -> tuple[dict[str, float], float]:
    """The share of its offers that each service accepts, as a mean of its Beta; and that of one without any answers."""
    told: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for answer in answers:
        told[answer.service][answer.accepted] += 0.5 ** ((today - answer.day) / HALF_LIFE)
    noes, yeses = (sum(each[accepted] for each in told.values()) for accepted in (False, True))
    common = (yeses + 1) / (noes + yeses + 1)  # before anybody has answered, all are expected to accept
    return {
        service: round((yes + STRENGTH * common) / (no + yes + STRENGTH), 4) for service, (no, yes) in told.items()
    }, round(common, 4)


def answer_hours(answers: Iterable[Answer]) -> dict[str, float]:
    """The median time to an answer, in hours, of each service that has given any."""
    told: dict[str, list[float]] = defaultdict(list)
    for answer in answers:
        if answer.hours is not None:
            told[answer.service].append(answer.hours)
    return {service: round(median(hours), 2) for service, hours in told.items()}


def mean_stays(stays: Iterable[Stay], now: datetime) -> Mapping[str, timedelta]:
    """How long a place of each service is taken: all the time that places were taken, by how often one came back.

    So who is still there counts too, so far; to look only at who has left would find short stays. A service with few
    of its own is taken to be like others of its category. `now` is the moment that is looked at: what came later is not
    known yet.
    """
    taken: dict[str, timedelta] = defaultdict(timedelta)
    left: dict[str, int] = defaultdict(int)
    of: dict[str, str] = {}
    for stay in stays:
        if stay.since >= now:
            continue
        of[stay.service] = stay.category
        until = stay.until if stay.until is not None and stay.until <= now else None
        for key in (stay.service, stay.category):
            taken[key] += max((until or now) - stay.since, timedelta(0))  # the clock of who wrote the end may be behind
            left[key] += until is not None
    common = {category: taken[category] / left[category] for category in set(of.values()) if left[category]}
    return {
        service: (taken[service] + STRENGTH * common[category]) / (left[service] + STRENGTH)
        for service, category in of.items()
        if category in common
    }

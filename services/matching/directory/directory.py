"""The services there are, from the providers' compacted topics. Every matcher keeps all of them in memory, indexed."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from pydantic import ValidationError

from contracts import topics
from contracts.cloudevents import MalformedError, decode
from contracts.intake import NeedRegistered
from contracts.profiles import Problem
from contracts.provider import Profile, Service
from contracts.words import Category
from services.chassis.ingress.plausibility import implausible_times
from services.chassis.ingress.validation_errors import fix_of, lint_raw_json, problems_of
from services.chassis.ports import Partition, Record

from ..eligibility.rules import CHANGING_RULES, RULES, Case, confirmed_on, fits, open_on
from ..model import geo
from ..model.entry import DirectoryEntry as DirectoryEntry
from ..model.entry import service_id as service_id
from . import expiry, index
from .index import Found
from .shard import Shard

PROFILE_KEY = "profile"
"""The record key of a provider's profile; the key of a service is its id."""
_REMEMBERED_NEEDS = 50_000
_CHANGING = tuple(passes for rule, passes in RULES if rule in CHANGING_RULES)


class _Eligible(NamedTuple):
    """The services that could take a need on some day, by id, at a revision of its category."""

    need: NeedRegistered
    revision: int
    entries: dict[str, DirectoryEntry]


class Directory:
    """Services by category. Applying an entry twice, or an older one after a newer one, changes nothing.

    `admits` answers whether a provider may take part; call `review` when its answer changes. An entry is stale when
    it was published longer than `stale_after` ago; with None, no entry ever is. `now` is the time: an entry from
    the future, by a broker's clock that was ahead, counts as published when it is read.
    """

    def __init__(
        self,
        admits: Callable[[str], bool] = lambda provider: True,
        stale_after: timedelta | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._now = now
        self._admits = admits
        self._stale_after = stale_after
        self._entries: dict[str, DirectoryEntry] = {}
        self._shards = {category: Shard() for category in Category}
        self._offsets: dict[str, int] = {}
        """The latest offset of each service, by id."""
        self._read: dict[Partition, int] = {}
        """The latest offset that was applied of each provider's topic. So nothing need be kept of deleted services,
        whose number has no bound: aiokafka reads a topic again from its start, and what is old in it is skipped."""
        self._eligible: dict[str, _Eligible] = {}
        """By need id."""

    # what providers publish ------------------------------------------------------------------------------------------

    def apply(self, record: Record) -> None:
        """Apply a record of a provider's topic. An invalid one is ignored, so that the earlier entry stays."""
        at = (record.topic, record.partition)
        if record.offset <= self._read.get(at, -1):
            return
        self._read[at] = record.offset
        provider, key = topics.tenant_of(record.topic), (record.key or b"").decode(errors="replace")
        if record.value is None:
            self.put(provider, key, record.offset, None)
            self._offsets.pop(service_id(provider, key), None)
            return
        service = examine(record)
        if isinstance(service, Service):
            self.put(provider, key, record.offset, service, record.appended)

    def put(self, provider: str, key: str, offset: int, service: Service | None, at: datetime | None = None) -> None:
        """Set the service under a record key, or remove it (None), unless a later offset has been applied.

        `at` is when it was published.
        """
        id_ = service_id(provider, key)
        if offset <= self._offsets.get(id_, -1):
            return
        self._offsets[id_] = offset
        old = self._entries.pop(id_, None)
        for category in old.service.categories if old else ():
            if service is None or category not in service.categories:
                self._shards[category].remove(id_)
        if service is not None:
            service = _with_coarse_location(service)
            at = min(at, self._now()) if at is not None and self._now is not None else at
            until, barred = expiry.confirmed_until(at, self._stale_after), not self._admits(provider)
            look_on = expiry.first_notice_on(service, at, until)
            self._set(DirectoryEntry(id_, provider, service, f"{id_}@{offset}", barred, at, until, look_on))

    def review(self, provider: str) -> None:
        """Ask again whether this provider may take part: the registry of tenants has changed."""
        barred = not self._admits(provider)
        for entry in [each for each in self._entries.values() if each.provider == provider]:
            self._set(replace(entry, barred=barred))

    def _set(self, entry: DirectoryEntry) -> None:
        self._entries[entry.id] = entry
        for category in entry.service.categories:
            self._shards[category].put(entry)

    # which services there are ----------------------------------------------------------------------------------------

    def get(self, id_: str) -> DirectoryEntry | None:
        """The service with this id (see `service_id`)."""
        return self._entries.get(id_)

    def entries(self) -> Iterable[DirectoryEntry]:
        """All services, open or not."""
        return self._entries.values()

    def of(self, category: Category) -> list[DirectoryEntry]:
        """All services of a category, open or not."""
        return self._shards[category].entries()

    def speaking(self, category: Category, languages: Iterable[str]) -> float:
        """The share of a category's services that speak one of these languages or state none. 1 if there are none."""
        return self._shards[category].share_speaking(languages)

    def __len__(self) -> int:
        return len(self._entries)

    # which services can take a need ----------------------------------------------------------------------------------

    def find(self, case: Case, excluded: int = 0) -> Found:
        """The services that can take a need, if they have a free place, and the elimination funnel.

        The services in `excluded`, a bitmap (see `bit`), are counted in the funnel but are not among the entries.
        """
        return index.find(self._shards[case.need.category], case, excluded)

    def ever(self, need: NeedRegistered) -> list[DirectoryEntry]:
        """The services that could take a need on some day, whoever was tried. `find` never finds any other."""
        return list(self._eligible_any_day(need).values())

    def open_to(self, need: NeedRegistered, day: date) -> list[DirectoryEntry]:
        """The services that could take a need on this day, whoever was tried."""
        eligible = self._eligible_any_day(need).values()
        return [entry for entry in eligible if open_on(entry, day) and confirmed_on(entry, day)]

    def takes(self, case: Case, entry: DirectoryEntry) -> bool:
        """Whether one service can take a need, if it has a free place. Fast for needs that are asked about often."""
        if self._entries.get(entry.id) is not entry:
            return fits(case, entry)
        for passes in _CHANGING:
            if not passes(case, entry):
                return False
        return entry.id in self._eligible_any_day(case.need)

    def _eligible_any_day(self, need: NeedRegistered) -> dict[str, DirectoryEntry]:
        """Remembered until the services of the category change: every batch asks about every need that waits."""
        revision = self.revision(need.category)
        known = self._eligible.get(need.need_id)
        if known is None or known.need is not need or known.revision != revision:
            if len(self._eligible) >= _REMEMBERED_NEEDS:
                self._eligible.clear()
            entries = {entry.id: entry for entry in index.eligible_any_day(self._shards[need.category], need)}
            known = self._eligible[need.need_id] = _Eligible(need, revision, entries)
        return known.entries

    def bit(self, category: Category, id_: str) -> int:
        """A bitmap with one service of a category, valid until `revision` changes; 0 if the service is not there."""
        return self._shards[category].bit(id_)

    def revision(self, category: Category) -> int:
        """A number that changes whenever the services of the category change."""
        return self._shards[category].revision


def _with_coarse_location(service: Service) -> Service:
    """The service; a confidential address is replaced by the centre of the large cell it lies in.

    Done before anything else sees the entry. Otherwise repeated queries could reveal a shelter's location: each answer
    about radius, distance or rank would narrow it down.
    """
    if not service.address_confidential or service.latitude is None or service.longitude is None:
        return service
    latitude, longitude = geo.coarse_location((service.latitude, service.longitude))
    return service.model_copy(update={"latitude": latitude, "longitude": longitude})


def examine(record: Record) -> Service | Profile | list[Problem]:
    """The entry in a directory record that has a value, or what is wrong with the record."""
    try:
        event = decode(record.headers, record.value, record.appended)
        for model in (Service, Profile):
            if event.type == model.ce_type():
                if problems := lint_raw_json(record.value or b"", model):
                    return problems
                entry = model.read(event.data)
                if problems := implausible_times(entry, record.appended):
                    return problems
                break
        else:
            return [Problem(field="ce_type", fix=f"must be {Service.ce_type()} or {Profile.ce_type()}")]
    except MalformedError as error:
        return [Problem(field=error.field, fix=fix_of(error.code))]
    except ValidationError as error:
        return problems_of(error, model)
    key = (record.key or b"").decode(errors="replace")
    expected = entry.service if isinstance(entry, Service) else PROFILE_KEY
    if key != expected:
        name = "the entry's service id" if isinstance(entry, Service) else f"'{PROFILE_KEY}'"
        return [
            Problem(field="key", fix=f"the record key must be {name}; otherwise a later entry can't replace this one")
        ]
    return entry

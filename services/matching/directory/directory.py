"""The services there are, from the providers' compacted topics. Every matcher holds all of it in memory, indexed."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from pydantic import ValidationError

from contracts import topics
from contracts.cloudevents import MalformedError, decode
from contracts.intake import NeedRegistered, Problem
from contracts.provider import Profile, Service
from contracts.words import Category
from services.chassis.ingress.validation_errors import fix_of, lint_raw_json, problems_of
from services.chassis.ports import Record

from ..eligibility.rules import Case, confirmed, confirmed_on, fits, has_documents, not_ruled_out, open_now, open_on
from ..model import geo
from ..model.entry import DirectoryEntry as DirectoryEntry
from ..model.entry import service_id as service_id
from . import expiry
from .index import Found, Shard

PROFILE_KEY = "profile"
_REMEMBERED = 50_000
"""Needs."""


class Directory:
    """Services by category. Applying entries twice, or an older one after a newer one, changes nothing.

    `admits` says whether a provider may take part; when its answer changes, `review` is to be called. An entry that was
    published longer than `stale_after` ago is stale; None: none ever is.
    """

    def __init__(
        self, admits: Callable[[str], bool] = lambda provider: True, stale_after: timedelta | None = None
    ) -> None:
        self._admits = admits
        self._stale_after = stale_after
        self._entries: dict[str, DirectoryEntry] = {}
        self._shards = {category: Shard() for category in Category}
        self._seen: dict[str, int] = {}
        self._ever: dict[str, tuple[NeedRegistered, int, dict[str, DirectoryEntry]]] = {}

    def apply(self, record: Record) -> None:
        """Take one record of a provider's topic. One that can't be used replaces nothing: the old entry stays."""
        provider, key = topics.tenant_of(record.topic), (record.key or b"").decode(errors="replace")
        if record.value is None:
            self.put(provider, key, record.offset, None)
            return
        service = examine(record)
        if isinstance(service, Service):
            self.put(provider, key, record.offset, service, record.appended)

    def put(self, provider: str, key: str, offset: int, service: Service | None, at: datetime | None = None) -> None:
        """Set (or, with None, remove) the service under a record key, unless a later offset was seen for it."""
        id_ = service_id(provider, key)
        if offset <= self._seen.get(id_, -1):
            return
        self._seen[id_] = offset
        old = self._entries.pop(id_, None)
        for category in old.service.categories if old else ():
            if service is None or category not in service.categories:
                self._shards[category].remove(id_)
        if service is not None:
            service = _veiled(service)
            until, barred = expiry.confirmed_until(at, self._stale_after), not self._admits(provider)
            look_on = expiry.look_on(service, at, until)
            self._set(DirectoryEntry(id_, provider, service, f"{id_}@{offset}", barred, at, until, look_on))

    def review(self, provider: str) -> None:
        """The registry speaks differently of this provider now."""
        barred = not self._admits(provider)
        for entry in [each for each in self._entries.values() if each.provider == provider]:
            self._set(replace(entry, barred=barred))

    def _set(self, entry: DirectoryEntry) -> None:
        self._entries[entry.id] = entry
        for category in entry.service.categories:
            self._shards[category].put(entry)

    def get(self, id_: str) -> DirectoryEntry | None:
        """The service with this id (of `service_id`)."""
        return self._entries.get(id_)

    def entries(self) -> Iterable[DirectoryEntry]:
        """All there are, open or not."""
        return self._entries.values()

    def of(self, category: Category) -> list[DirectoryEntry]:
        """All services of a category, open or not."""
        return self._shards[category].entries()

    def find(self, case: Case, apart: int = 0) -> Found:
        """The services that can take a need, if they have a place, and the elimination funnel that led to them.

        Those `apart` (bits of `bit`) are counted, and not among the entries.
        """
        return self._shards[case.need.category].find(case, apart)

    def ever(self, need: NeedRegistered) -> list[DirectoryEntry]:
        """The services that `find` may find for a need, whenever it is asked and whoever was tried."""
        return list(self._able(need).values())

    def open_to(self, need: NeedRegistered, day: date) -> list[DirectoryEntry]:
        """Those of them that take referrals on a day, whoever was tried."""
        return [entry for entry in self._able(need).values() if open_on(entry, day) and confirmed_on(entry, day)]

    def speaking(self, category: Category, languages: Iterable[str]) -> float:
        """The share of the services of a category that speak one of these languages, or any; 1 where there are none."""
        return self._shards[category].speaking(languages)

    def takes(self, case: Case, entry: DirectoryEntry) -> bool:
        """Whether one service can take a need, if it has a place. For needs that are asked about again and again."""
        if self._entries.get(entry.id) is not entry:
            return fits(case, entry)
        now = (
            open_now(case, entry)
            and confirmed(case, entry)
            and not_ruled_out(case, entry)
            and has_documents(case, entry)
        )
        return now and entry.id in self._able(case.need)

    def _able(self, need: NeedRegistered) -> dict[str, DirectoryEntry]:
        """What does not change with time is found out once for a need, and again when its category has changed.

        Who waits is asked about with each batch.
        """
        revision = self.revision(need.category)
        known = self._ever.get(need.need_id)
        if known is None or known[0] is not need or known[1] != revision:
            if len(self._ever) >= _REMEMBERED:
                self._ever.clear()
            able = {entry.id: entry for entry in self._shards[need.category].ever(need)}
            known = self._ever[need.need_id] = need, revision, able
        return known[2]

    def bit(self, category: Category, id_: str) -> int:
        """The bit of a service among those of its category, until `revision` changes; 0 for one that is not there."""
        return self._shards[category].bit(id_)

    def revision(self, category: Category) -> int:
        """Another number whenever the services of the category have changed."""
        return self._shards[category].revision

    def __len__(self) -> int:
        return len(self._entries)


def _veiled(service: Service) -> Service:
    """A confidential place is made rough before anything looks at it: what is not here can't be told or reckoned."""
    if not service.address_confidential or service.latitude is None or service.longitude is None:
        return service
    latitude, longitude = geo.roughly((service.latitude, service.longitude))
    return service.model_copy(update={"latitude": latitude, "longitude": longitude})


def examine(record: Record) -> Service | Profile | list[Problem]:
    """What a directory record with a value says, or what is wrong with it."""
    try:
        event = decode(record.headers, record.value, record.appended)
        for model in (Service, Profile):
            if event.type == model.ce_type():
                if found := lint_raw_json(record.value or b"", model):
                    return found
                entry = model.read(event.data)
                break
        else:
            return [Problem(field="ce_type", fix=f"must be {Service.ce_type()} or {Profile.ce_type()}")]
    except MalformedError as fault:
        return [Problem(field=fault.field, fix=fix_of(fault.code))]
    except ValidationError as fault:
        return problems_of(fault)
    key = (record.key or b"").decode(errors="replace")
    expected = entry.service if isinstance(entry, Service) else PROFILE_KEY
    if key != expected:
        what = "the entry's service id" if isinstance(entry, Service) else f"'{PROFILE_KEY}'"
        return [Problem(field="key", fix=f"the record key must be {what}, else a later entry can not replace this one")]
    return entry

"""A provider's directory entry: what it offers, where, to whom and when."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from .agency import Admin1, Language, Reference, Short
from .base import Input, Value
from .eligibility import Eligibility
from .formats import Day, Moment, WholeNumber, Within
from .schedule import Schedule
from .words import CapacityUnit, Category, Document, Fluency, IntakeMethod


class Cost(Value):
    """What a person has to pay. `amount` is in `currency` (ISO 4217); without one, `description` explains the cost."""

    free: bool = False
    amount: Annotated[float, Field(ge=0)] | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    description: Short | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.amount is None) != (self.currency is None):
            raise ValueError("give amount and currency, or neither")
        if self.free and self.amount:
            raise ValueError("cost is free and has an amount: leave one of them out")
        if not self.free and self.amount is None and self.description is None:
            raise ValueError("say that it is free, or give an amount, or describe the cost")
        return self


class Service(Input):
    """A directory entry, from a provider to matching: what it offers at one location (HSDS service at location).

    The record key is its `service` id. `capacity` is the number of places; 0 means full. Without coordinates and areas
    the service serves everywhere (by phone or online). `radius_km` is measured from the coordinates. Without a
    `schedule` it is always open. With `quota_until` a used place is not free again before that day is over: `capacity`
    is then the quota for the whole period, not what is left of it.

    `capacity_unit` says what a place is, for readers. `capacity_updated` is when `capacity` was last confirmed (HSDS
    3.1 ``service_capacity``); if left out, when the entry was published. `language_levels` says how well some of the
    `languages` are spoken. `documents` are required (HSDS ``required_documents``), `cost` is HSDS ``cost_options``, and
    `intake` is how people get in (HSDS ``application_process``).

    With `address_confidential` only a rough place is kept, up to some 28 km off, even for matching, and what is
    published about the service contains neither its areas nor its distance. So an entry with a small radius should
    list its `areas` as well, and its `name` must not reveal the place.
    """

    TYPE: ClassVar[str] = "provider.service.v1"

    service: Reference
    name: Short
    categories: Annotated[list[Category], Field(min_length=1, max_length=len(Category))]
    capacity: Annotated[int, Field(ge=0, le=100_000), WholeNumber()]
    capacity_unit: CapacityUnit = CapacityUnit.PLACES
    capacity_updated: Annotated[Moment, Within(years_before=50, years_after=0)] | None = None
    languages: Annotated[list[Language], Field(max_length=50)] = []
    language_levels: Annotated[dict[Language, Fluency], Field(json_schema_extra={"additionalProperties": False})] = {}
    areas: Annotated[list[Admin1], Field(max_length=50)] = []
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    radius_km: Annotated[float, Field(gt=0, le=1000)] | None = None
    address_confidential: bool = False
    step_free: bool = False
    eligibility: Eligibility = Eligibility()
    documents: Annotated[list[Document], Field(max_length=len(Document))] = []
    cost: Cost | None = None
    intake: Annotated[list[IntakeMethod], Field(max_length=len(IntakeMethod))] = []
    takes_referrals: bool = True
    valid_from: Annotated[Day, Within(years_before=100, years_after=50)] | None = None
    valid_to: Annotated[Day, Within(years_before=50, years_after=50)] | None = None
    quota_until: Annotated[Day, Within(years_before=50, years_after=5)] | None = None
    schedule: Schedule | None = None

    @model_validator(mode="after")
    def _placed_or_not(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("give both latitude and longitude, or neither")
        if self.radius_km is not None and self.latitude is None:
            raise ValueError("radius_km is measured from coordinates: give latitude and longitude")
        if self.valid_from is not None and self.valid_to is not None and self.valid_from > self.valid_to:
            raise ValueError("valid_from is after valid_to")
        if not self.language_levels.keys() <= set(self.languages):
            raise ValueError("language_levels is about languages: list each in languages too")
        return self

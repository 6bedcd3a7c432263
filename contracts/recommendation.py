"""What an agency sends on ``agency.<id>.referrals`` to ask what there is. Opens no referral, and identifies nobody."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .agency import Admin1, Language, NeedRequest, Reference, TenantId, check_labels
from .base import Input, Value
from .words import AgeBand, Flag, Sex, Status


class Sketch(Value):
    """A person as far as services look at one, and nothing that tells who it is."""

    age_band: AgeBand
    sex: Sex
    languages: Annotated[list[Language], Field(min_length=1, max_length=10)]
    status: Status | None = None
    disability: bool = False
    flags: Annotated[list[Flag], Field(max_length=12)] = []


class SketchedMember(Sketch):
    """The same of somebody of the household, under the agency's label."""

    member: Reference


class Area(Value):
    """Where, by region alone: answers that told distances would tell, asked often enough, where a shelter is."""

    admin1: Admin1


class Sought(NeedRequest):
    """A need that is only asked about."""

    @model_validator(mode="after")
    def _by_region(self) -> Self:
        if self.constraints.max_distance_km is not None:
            raise ValueError("leave constraints.max_distance_km out: recommendations are by region, not by distance")
        return self


class RecommendationRequested(Input):
    """What could a person like this go to? Opens no referral, holds no place, and nothing of it is stored.

    `reference` is the agency's own id of the question; the answer carries it. `recipients` are the providers that
    the person would agree to.
    """

    TYPE: ClassVar[str] = "agency.recommendation-requested.v1"

    reference: Reference
    agency: TenantId | None = None
    person: Sketch
    household_size: Annotated[int, Field(ge=1, le=30)] = 1
    household: Annotated[list[SketchedMember], Field(max_length=29)] = []
    location: Area
    recipients: Literal["any"] | Annotated[list[TenantId], Field(min_length=1, max_length=50)] = "any"
    needs: Annotated[list[Sought], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _labels_agree(self) -> Self:
        check_labels(self.needs, [each.member for each in self.household], self.household_size)
        return self

    @property
    def size(self) -> int:
        """How many the household is, the person included; `household_size` may count some who are not described."""
        return max(self.household_size, 1 + len(self.household))

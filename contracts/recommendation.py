"""What an agency sends to ask which services could help. It opens no referral and identifies no one."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .agency import Admin1, Language, NeedRequest, Reference, TenantId
from .base import Input, Value
from .household_rules import HouseholdSize, check_labels, household_size
from .words import AgeBand, Flag, Sex, Status


class Sketch(Value):
    """The properties of a person that services look at, and nothing that identifies the person."""

    age_band: AgeBand
    sex: Sex
    languages: Annotated[list[Language], Field(min_length=1, max_length=10)]
    status: Status | None = None
    disability: bool = False
    flags: Annotated[list[Flag], Field(max_length=12)] = []


class SketchedMember(Sketch):
    """The same for a member of the household, under the agency's label."""

    member: Reference


class Area(Value):
    """The region alone: with distances, repeated queries could reveal a shelter's location."""

    admin1: Admin1


class Sought(NeedRequest):
    """A need in a recommendation request, without a referral."""

    @model_validator(mode="after")
    def _by_region(self) -> Self:
        if self.constraints.max_distance_km is not None:
            raise ValueError("leave constraints.max_distance_km out: recommendations are by region, not by distance")
        return self


class RecommendationRequested(Input):
    """A question from an agency to intake: which services could help a person like this?

    It opens no referral, takes no place, and is not stored. `reference` is the agency's own id of the question, which
    the answer repeats. `recipients` are the providers that the person would agree to.
    """

    TYPE: ClassVar[str] = "agency.recommendation-requested.v1"

    reference: Reference
    agency: TenantId | None = None
    person: Sketch
    household_size: HouseholdSize = 1
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
        """The number of people in the household, the person included, whether or not they are described."""
        return household_size(self.household_size, len(self.household))

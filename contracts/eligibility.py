"""Whom a service is for, and whom it is not for (HSDS eligibility): criteria joined by "and", alternatives by "or"."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from .agency import Note
from .base import Value
from .household_rules import MAX_AGE, Age, HouseholdSize
from .words import Flag, Sex, Status, Unknown


class IfUnknown(Value):
    """What happens if it is unknown whether a person meets a criterion.

    A person who is known not to meet it is never accepted.
    """

    age: Unknown = Unknown.ASSESS
    sex: Unknown = Unknown.ASSESS
    status: Unknown = Unknown.ASSESS
    flags: Unknown = Unknown.ASSESS
    description: Unknown = Unknown.ASSESS


class Criteria(Value):
    """Criteria that must all be met. An empty list states no criterion.

    Ages are whole years, both included. `flags_any`: at least one of them; `not_flags`: none of them.
    `maximum_household` is a number of people. `description` states in words what no other field can (HSDS
    ``eligibility_description``); whether a person meets it is always unknown.
    """

    minimum_age: Age = 0
    maximum_age: Age = MAX_AGE
    sexes: list[Sex] = []
    statuses: list[Status] = []
    flags_any: list[Flag] = []
    not_flags: list[Flag] = []
    not_statuses: list[Status] = []
    maximum_household: HouseholdSize | None = None
    description: Note | None = None
    unknown: IfUnknown = IfUnknown()

    @model_validator(mode="after")
    def _ages_in_order(self) -> Self:
        if self.minimum_age > self.maximum_age:
            raise ValueError("minimum_age is above maximum_age")
        return self

    @property
    def stated(self) -> bool:
        """Whether there is any criterion."""
        return any(
            getattr(self, name) != field.get_default()
            for name, field in Criteria.model_fields.items()
            if name != "unknown"
        )


class Eligibility(Criteria):
    """Whom a service is for: people who meet the criteria here, one of `any_of` (if any), and none of `none_of`.

    In a household each person must meet some alternative of `any_of`, not necessarily the same one, and no one may meet
    one of `none_of`. For `flags_any` outside `none_of` it is enough that one person of the household has a flag: the
    others come along.
    """

    any_of: Annotated[list[Criteria], Field(max_length=20)] = []
    none_of: Annotated[list[Criteria], Field(max_length=20)] = []

    @model_validator(mode="after")
    def _each_states_something(self) -> Self:
        for name, conjunctions in (("any_of", self.any_of), ("none_of", self.none_of)):
            for number, each in enumerate(conjunctions):
                if not each.stated:
                    raise ValueError(f"{name}.{number} states no criterion, so everybody meets it: leave it out")
        return self

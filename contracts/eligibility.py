"""Whom a service is for, and whom it is not for (HSDS eligibility): criteria joined by "and", alternatives by "or"."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from .agency import Note
from .base import Value
from .words import Flag, Sex, Status, Unknown


class IfUnknown(Value):
    """What a criterion does with a person of whom it can't be told whether they meet it. It never lets anybody through
    whom it is known not to be for."""

    age: Unknown = Unknown.ASSESS
    sex: Unknown = Unknown.ASSESS
    status: Unknown = Unknown.ASSESS
    flags: Unknown = Unknown.ASSESS
    description: Unknown = Unknown.ASSESS


class Criteria(Value):
    """A conjunction: each of the criteria stated. An empty list states none.

    Ages are whole years, both included. `flags_any`: at least one of them; `not_flags`: none. `maximum_household` is a
    number of people. `description` is what no other field can say, in words (HSDS ``eligibility_description``): of
    nobody is it known whether they meet it.
    """

    minimum_age: Annotated[int, Field(ge=0, le=150)] = 0
    maximum_age: Annotated[int, Field(ge=0, le=150)] = 150
    sexes: list[Sex] = []
    statuses: list[Status] = []
    flags_any: list[Flag] = []
    not_flags: list[Flag] = []
    not_statuses: list[Status] = []
    maximum_household: Annotated[int, Field(ge=1, le=30)] | None = None
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
    """Who may come: who meets the criteria stated here, one of `any_of` at least, if any, and none of `none_of`.

    Of a household each has to meet some alternative of `any_of`, not all of them the same; and none may meet one of
    `none_of`. Of `flags_any`, but in `none_of`, it is enough that one of the household has it: the others come along.
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

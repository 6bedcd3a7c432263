"""Settings become limits; those that contradict each other are refused at the start."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.words import Urgency
from services.matching.model.limits import Limits
from services.matching.settings import MatchingSettings

KEY = base64.b64encode(bytes(32)).decode()


def settings(**changes: Any) -> MatchingSettings:
    return MatchingSettings(operator_key=KEY, **changes)


def test_the_defaults_of_settings_and_limits_are_the_same() -> None:
    assert settings().limits == Limits()


def test_hours_may_be_changed_one_by_one() -> None:
    limits = settings(wait_urgent_hours=10, patience_urgent_hours=2.5).limits
    assert limits.wait[Urgency.URGENT] == timedelta(hours=10)
    assert limits.patience[Urgency.URGENT] == timedelta(hours=2.5)


def test_patience_beyond_the_wait_is_refused() -> None:
    with pytest.raises(ValidationError, match="normal: the patience must not be longer"):
        settings(wait_normal_hours=10, patience_normal_hours=11)

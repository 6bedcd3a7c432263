"""How settings are written: the names of all, by which a misspelt variable is noticed, and lists of servers. Pure.

Services get one environment in many installations, so a setting of another service is no mistake.
"""

import json
import re
from collections.abc import Iterable
from difflib import get_close_matches

PREFIX = "REFERRALS_"
_OWN = """
ACKNOWLEDGE_EMERGENCY_MINUTES ACKNOWLEDGE_NORMAL_MINUTES ACKNOWLEDGE_URGENT_MINUTES AT_ONCE_EMERGENCY
AT_ONCE_NORMAL AT_ONCE_URGENT CHECK_INS CLOSE_EMERGENCY_MINUTES CLOSE_NORMAL_MINUTES CLOSE_URGENT_MINUTES
CLOSURE_DAYS CLOSURE_EVERY CONSENT_AGE CONSENT_AGE_BY_COUNTRY CONSENT_LONGEST_YEARS DECIDE_EMERGENCY_MINUTES
DECIDE_NORMAL_MINUTES DECIDE_URGENT_MINUTES DISPUTE_AFTER ESCALATE_EMERGENCY_MINUTES ESCALATE_NORMAL_MINUTES
ESCALATE_URGENT_MINUTES GRACE_EMERGENCY_MINUTES GRACE_NORMAL_MINUTES GRACE_URGENT_MINUTES HASH_KEY ID_SECRET
INDICATORS_EVERY INTAKE_KEY K K_SENSITIVE LINK_CONFIDENTIAL MASTER_KEY MAX_ATTEMPTS OPENING_HOURS_CATEGORIES
OPENING_HOURS_EMERGENCIES PATIENCE_EMERGENCY_HOURS PATIENCE_NORMAL_HOURS PATIENCE_URGENT_HOURS PRICES_MINUTES
RECALL_ACKNOWLEDGE_HOURS RETRY_AFTER_EMERGENCY_HOURS RETRY_AFTER_NORMAL_HOURS RETRY_AFTER_URGENT_HOURS
SETTLE_HOURS STALE_AFTER_DAYS START_EMERGENCY_MINUTES START_NORMAL_MINUTES START_URGENT_MINUTES SWEEP
TIMES_BY_CATEGORY WAIT_EMERGENCY_HOURS WAIT_NORMAL_HOURS WAIT_URGENT_HOURS WINDOW_DAYS
"""
OF_SERVICES = frozenset(_OWN.split())
"""The settings that single services have besides those of the chassis. A test compares them with the services'."""
OF_CONSOLE = frozenset({"LOGIN", "OPERATOR_PRIVATE_KEY", "URLS"})
"""Variables that only the command line reads."""
OF_LOCAL_TOOLS = frozenset({"COMPLETE", "COPIES", "PRIVATE_KEY"})
"""Variables of scripts in ``deploy`` and of shell completion."""


_SERVER = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


def servers(text: object) -> object:
    """``host:port``, several separated by commas, or a JSON list of them. Raises `ValueError` with what is expected."""
    if not isinstance(text, str):
        return text
    expected = "expected host:port, several separated by commas, or a JSON list of them"
    try:
        plain = [each.strip() for each in text.split(",")]
        is_json = text.lstrip().startswith("[") and not _SERVER.fullmatch(plain[0])  # which may be an IPv6 address
        listed = json.loads(text) if is_json else plain
    except ValueError:
        raise ValueError(expected) from None
    for each in listed:
        match = _SERVER.fullmatch(each) if isinstance(each, str) else None
        if match is None or not 0 < int(match[2]) < 65_536:
            raise ValueError(expected)
    return listed


def unknown(variables: Iterable[str], own: Iterable[str]) -> dict[str, str]:
    """The variables with our prefix that are no setting of anything, each with the nearest name or an empty text.

    `own` are the names of the settings that the caller has, without the prefix.
    """
    names = {name.upper() for name in own} | OF_SERVICES | OF_CONSOLE | OF_LOCAL_TOOLS
    ours = (each for each in variables if each.upper().startswith(PREFIX))
    return {each: _nearest(each, names) for each in sorted(ours) if each.upper().removeprefix(PREFIX) not in names}


def _nearest(variable: str, names: Iterable[str]) -> str:
    close = get_close_matches(variable.upper().removeprefix(PREFIX), sorted(names), 1, 0.6)
    return f"{PREFIX}{close[0]}" if close else ""

"""Every log field and metric there is, in one place; a test compares it with the code.

A log line may only carry these fields: what is not listed is dropped by the last processor before the line is written,
and its name (never its value) is logged instead. That is how no person gets into a log by accident.
"""

from typing import NamedTuple

LOG_FIELDS = {
    "event": "what happened, one word per kind of line",
    "level": "info, warning (an operator should look) or error (an operator must act)",
    "timestamp": "wall time, UTC",
    "service": "intake, matching, notification or outcomes",
    "event_type": "CloudEvents type, without the prefix",
    "event_id": "CloudEvents id",
    "referral_id": "correlation id of all events of a referral",
    "causation_id": "id of the event this one follows from",
    "trace_id": "W3C trace id",
    "outcome": "decided, answered, ignored, admitted, refused",
    "duration_ms": "milliseconds",
    "batch_size": "records in the batch",
    "dead_letters": "records of the batch set aside",
    "lag": "records not yet read when the batch ended",
    "hint": "what to do",
    "reason": "a code or an error's class, never its text",
    "where": "file and line",
    "stage": "step of the loop or gate",
    "field": "path of the field at fault",
    "entry": "id of a service in the directory, with its provider's",
    "topic": "topic",
    "partition": "partition number",
    "offset": "offset",
    "stream": "id of a stream: a referral or a need",
    "provider": "id of the provider that is awaited",
    "clock": "what it is awaited for: acknowledge, decide, start or close",
    "retry_in_s": "seconds",
    "port": "TCP port",
    "logger": "the library that wrote the line",
    "text": "a library's own line, never from one that prints records",
    "count": "lines of the same kind left out since the last one",
    "dropped_fields": "names of fields that are not in this list",
}


class Metric(NamedTuple):
    """What a metric counts: its kind in Prometheus, its labels, and the meaning."""

    kind: str
    labels: tuple[str, ...]
    meaning: str


METRICS = {
    "referrals_handled_total": Metric(
        "counter", ("service", "event_type", "outcome"), "events handled; a gate's are `admitted` or `refused`"
    ),
    "referrals_skipped_total": Metric("counter", ("service",), "events on our topics that the service does not handle"),
    "referrals_dead_letters_total": Metric(
        "counter", ("service", "stage", "reason"), "records set aside, and events that could not be delivered"
    ),
    "referrals_conflicts_total": Metric(
        "counter", ("service",), "streams decided again because another writer or claim was first"
    ),
    "referrals_warnings_total": Metric(
        "counter", ("service", "warning"), "what operators were warned of, by kind of line, of the kinds counted"
    ),
    "referrals_overdue_total": Metric(
        "counter", ("service", "clock"), "times that a provider has let go by, by what was awaited"
    ),
    "referrals_group_ended_total": Metric(
        "counter", ("service", "group", "end"), "needs that ended, of those hard to place and of others"
    ),
    "referrals_group_wait_seconds": Metric(
        "summary", ("service", "group"), "from sending to the first match: sum and count"
    ),
    "referrals_batch_seconds": Metric("histogram", ("service", "part"), "duration of a batch, until it is published"),
    "referrals_step_seconds": Metric("histogram", ("service", "part", "step"), "what of it each step took"),
    "referrals_batch_records": Metric("histogram", ("service", "part"), "records in a batch"),
    "referrals_event_age_seconds": Metric(
        "histogram",
        ("service", "part"),
        "age of a batch's oldest event when it has been handled; of a timer, how late it is",
    ),
    "referrals_lag_records": Metric(
        "gauge", ("service", "topic", "partition"), "records not yet read; organisations' topics together, by kind"
    ),
    "referrals_server_silent": Metric("gauge", ("service", "server"), "1 while a server has not answered for 15 s"),
    "referrals_places": Metric(
        "gauge",
        ("service", "category", "stands"),
        "places of services that take referrals: capacity, and of it taken; in each category of a service",
    ),
    "referrals_waiting_needs": Metric("gauge", ("service", "category", "urgency"), "needs on the waiting list"),
    "referrals_closure_needs": Metric(
        "gauge", ("urgency", "stands"), "needs of the last month: sent, of these ended, of these told the agency"
    ),
    "referrals_closure_seconds": Metric(
        "gauge",
        ("urgency", "until", "quantile"),
        "from sending to the first offer, first answer, first decision or end: median and p90",
    ),
    "referrals_closure_reroutes": Metric("gauge", ("urgency", "reroutes"), "ended needs by number of re-routes"),
}

WARNINGS = ("patience_over", "capacity_below_held", "rules_disputed", "escalated")
"""The kinds of warning that are counted."""

FAULTS_OF_OURS = (
    ("stream", "decision-failed"),
    ("decide", "decision-failed"),
    ("decide", "too-many-changes"),
    ("fold", "stream-quarantined"),
    ("gate", "admission-failed"),
    ("publish", "undeliverable"),
)
"""Stage and reason of dead letters that no sender can mend."""

LABELS = {
    "service": "intake, matching, notification or outcomes",
    "event_type": "CloudEvents type, without the prefix: a type of `contracts/`, no sender's word",
    "outcome": "decided, answered, ignored, admitted or refused",
    "stage": "decode, gate, stream, fold, decide or publish",
    "reason": "a code",
    "warning": "kind of line in the log",
    "clock": "acknowledge, decide, start or close",
    "group": "hard-to-place or other",
    "end": "served, unmet or other",
    "part": "loop or gate",
    "step": "decode, load, decide, store, publish, report, commit; in a gate decode, prepare, admit, publish",
    "topic": "an internal topic, or `agency.referrals`, `provider.responses`, `provider.directory`",
    "partition": "its number, or all",
    "server": "kafka or mongodb",
    "category": "category of need",
    "urgency": "emergency, urgent or normal",
    "stands": "capacity, taken; sent, ended, told",
    "until": "offer, answer, decision or end",
    "quantile": "0.5 or 0.9",
    "reroutes": "0, 1, 2 or 3+",
}
"""Every label, and the words it can have: each is bounded, and none is a person's or an organisation's."""

"""Every log field, metric and label, in one place. A test compares the log fields with the code.

A log line may have only these fields. Any other field is dropped just before the line is written, and only its name is
logged, never its value. So no person gets into a log by accident.
"""

from typing import NamedTuple

LOG_FIELDS = {
    "event": "what happened: one word for each kind of line",
    "level": "info, warning (an operator should look) or error (an operator must act)",
    "timestamp": "real time, UTC",
    "service": "intake, matching, notification or outcomes",
    "event_type": "CloudEvents type, without the prefix",
    "event_id": "CloudEvents id",
    "referral_id": "correlation id of all events of a referral",
    "causation_id": "id of the event from which this one follows",
    "trace_id": "W3C trace id",
    "outcome": "decided, answered, ignored, admitted, refused",
    "duration_ms": "milliseconds",
    "batch_size": "records in the batch",
    "dead_letters": "records of the batch that went to the dead letters",
    "lag": "records not yet read when the batch ended",
    "hint": "what to do",
    "reason": "a code, or the class of an error, never its text",
    "where": "file and line",
    "stage": "step of the loop or gate",
    "field": "path of the invalid field",
    "entry": "ids of a provider and of its service in the directory",
    "topic": "topic",
    "partition": "partition number",
    "offset": "offset",
    "lost": "records that Kafka deleted before they were read",
    "stream": "id of a stream: a referral or a need",
    "provider": "id of the provider whose answer is due",
    "clock": "which deadline: acknowledge, decide, start or close",
    "retry_in_s": "seconds",
    "port": "TCP port",
    "logger": "the library that wrote the line",
    "text": "a library's own text; never from a library that logs records",
    "count": "similar lines suppressed since the last one",
    "dropped_fields": "names of fields that were dropped, since they are not listed here",
}


_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_AGES = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 86_400)
_RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


class Metric(NamedTuple):
    """A Prometheus metric: its kind, its labels, its help text, and the buckets of a histogram."""

    kind: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


METRICS = {
    "referrals_handled_total": Metric(
        "counter", ("service", "event_type", "outcome"), "events handled; those of a gate are `admitted` or `refused`"
    ),
    "referrals_skipped_total": Metric("counter", ("service",), "events on our topics that the service does not handle"),
    "referrals_dead_letters_total": Metric(
        "counter",
        ("service", "stage", "reason"),
        "records that could not be handled, and events that could not be published",
    ),
    "referrals_conflicts_total": Metric(
        "counter", ("service",), "streams decided again because another writer or claim was first"
    ),
    "referrals_warnings_total": Metric(
        "counter", ("service", "warning"), "warnings to operators, by kind of log line, for the kinds that are counted"
    ),
    "referrals_overdue_total": Metric(
        "counter", ("service", "clock"), "deadlines that providers have missed, by kind of deadline"
    ),
    "referrals_group_ended_total": Metric(
        "counter", ("service", "group", "end"), "needs that ended, for those hard to place and for others"
    ),
    "referrals_group_wait_seconds": Metric(
        "summary", ("service", "group"), "seconds from sending to the first match: sum and count"
    ),
    "referrals_batch_seconds": Metric(
        "histogram", ("service", "part"), "duration of a batch until it is published", _SECONDS
    ),
    "referrals_step_seconds": Metric(
        "histogram", ("service", "part", "step"), "duration of each step of a batch", _SECONDS
    ),
    "referrals_batch_records": Metric("histogram", ("service", "part"), "records in a batch", _RECORDS),
    "referrals_event_age_seconds": Metric(
        "histogram",
        ("service", "part"),
        "age of a batch's oldest event once it has been handled; for a timer, how late it is",
        _AGES,
    ),
    "referrals_lag_records": Metric(
        "gauge",
        ("service", "topic", "partition"),
        "records not yet read; the topics of all organisations together, by kind",
    ),
    "referrals_lost_records": Metric(
        "gauge",
        ("service", "topic"),
        "records that Kafka deleted before they were read, as noticed since the process started",
    ),
    "referrals_server_silent": Metric("gauge", ("service", "server"), "1 while a server has not responded for 15 s"),
    "referrals_places": Metric(
        "gauge",
        ("service", "category", "stands"),
        "capacity and taken places of services that accept referrals; counted in each category of a service",
    ),
    "referrals_waiting_needs": Metric("gauge", ("service", "category", "urgency"), "needs in the waiting queue"),
    "referrals_closure_needs": Metric(
        "gauge",
        ("urgency", "stands"),
        "needs of the last month: sent; of these, ended; of these, reported to the agency",
    ),
    "referrals_closure_seconds": Metric(
        "gauge",
        ("urgency", "until", "quantile"),
        "seconds from sending to the first offer, first answer, first decision or end: median and p90",
    ),
    "referrals_closure_reroutes": Metric("gauge", ("urgency", "reroutes"), "ended needs, by number of re-routes"),
}

WARNINGS = ("patience_over", "capacity_below_held", "rules_disputed", "escalated")
"""The kinds of log line that are counted."""

FAULTS_OF_OURS = (
    ("stream", "decision-failed"),
    ("decide", "decision-failed"),
    ("decide", "too-many-changes"),
    ("fold", "stream-quarantined"),
    ("gate", "admission-failed"),
    ("publish", "undeliverable"),
)
"""Stage and reason of dead letters that no sender can fix."""

LABELS = {
    "service": "intake, matching, notification or outcomes",
    "event_type": "CloudEvents type, without the prefix; always a type of `contracts/`",
    "outcome": "decided, answered, ignored, admitted or refused",
    "stage": "decode, gate, stream, fold, decide or publish",
    "reason": "a code",
    "warning": "kind of log line",
    "clock": "acknowledge, decide, start or close",
    "group": "hard-to-place or other",
    "end": "served, unmet or other",
    "part": "loop or gate",
    "step": "decode, load, decide, store, publish, report, commit; in a gate: decode, prepare, admit, publish",
    "topic": "an internal topic, or `agency.referrals`, `provider.responses`, `provider.directory`",
    "partition": "partition number, or all",
    "server": "kafka or mongodb",
    "category": "category of need",
    "urgency": "emergency, urgent or normal",
    "stands": "capacity, taken; sent, ended, told",
    "until": "offer, answer, decision or end",
    "quantile": "0.5 or 0.9",
    "reroutes": "0, 1, 2 or 3+",
}
"""Every label and its possible values. Each label is bounded, and none identifies a person or an organisation."""

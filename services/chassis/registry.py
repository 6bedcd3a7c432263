"""Every log field and metric there is, in one place; a test compares it with the code.

A log line may only carry these fields: what is not listed is dropped by the last processor before the line is written,
and its name (never its value) is logged instead. That is how no person gets into a log by accident.
"""

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

METRICS = {
    "referrals_handled_total": "events handled, by service, event_type and outcome",
    "referrals_skipped_total": "events on our topics that the service does not handle",
    "referrals_dead_letters_total": "records set aside, by service",
    "referrals_conflicts_total": "streams decided again because another writer or claim was first",
    "referrals_warnings_total": "what operators were warned of, by service and kind of line, of the kinds counted",
    "referrals_batch_seconds": "duration of a batch, steps 1 to 5",
    "referrals_batch_records": "records in a batch",
    "referrals_lag_records": "records not yet read, by service, topic and partition",
    "referrals_closure_needs": "needs of the last month by urgency: sent, of these ended, of these told the agency",
    "referrals_closure_seconds": "from sending to the first answer, first decision or end, by urgency: median and p90",
    "referrals_closure_reroutes": "ended needs by urgency and number of re-routes",
}

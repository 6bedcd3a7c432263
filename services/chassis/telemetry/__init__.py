"""Logs, metrics and traces, and the catalogue of every name that may appear in them.

    catalogue.py      every log field, metric and label; start here to add one
    logs.py           JSON lines on stdout
    metrics.py        Prometheus, built from the catalogue
    trace_context.py  the ``traceparent`` of a referral, with or without tracing
    otel_exporter.py  spans, sent by OpenTelemetry; imported only by `connect.py`, where the settings name a collector

Not here: who serves ``/metrics`` (`http`), and what the dashboards and alerts are (``deploy/observability``).
"""

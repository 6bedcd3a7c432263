"""What a service answers over HTTP, as Starlette routes: `health.py` and `queries.py`.

``/health/live``, ``/health/ready`` and ``/metrics`` are open; operators' queries need a bearer token. Tenants have no
HTTP interface: they write to Kafka, which is `ingress`. What a query answers is the services' own (`queries/`).
"""

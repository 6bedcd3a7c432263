"""How the system is installed and operated: on one machine, in containers, on a cluster. Start with README.md.

- `cluster/`: what Kafka holds: topics, access rules, quotas, logins and tenants; clients of Kafka and the services.
- `secrets/`: makes keys and certificates.
- `docker/`: the image, and the steps that docker-compose.yml runs once.
- `local/`: Kafka, MongoDB and the four services as processes of this machine (`make up`, tests, demo).
- `demo/`: fictional people and providers on the real system (`make demo`).
- `observability/`: alert rules, runbooks and a Grafana dashboard.
- `decisions/`: why the system is built as it is, one page each.
- `samples/`: the made-up files that the pages of services/console/docs use.

What operators type is in services/console, which calls these modules; nothing here imports it.
"""

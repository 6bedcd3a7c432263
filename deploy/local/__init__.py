"""The whole system as processes of one machine, without Docker: for development, tests and the demo.

- `stack`: Kafka and MongoDB together. Start here. `services`: the four services beside them.
- `kafka`, `mongo`: one server each, built on `process`, which starts, kills and freezes any program.
- `kafka_install`: fetches Kafka's jars and finds Java. `spawner`: starts programs so that none outlives us.
- `state`, `addresses`: what `make up` left running, and where.

``python -m deploy.local up|down`` is `make up` and `make down`.
"""

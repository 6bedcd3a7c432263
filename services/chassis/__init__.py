"""What every service is built on. Kafka and MongoDB are used here and nowhere else in the services.

Whoever writes a service starts with `decider.py` (what a policy is) and `runtime/service.py` (how it is wired);
whoever changes the chassis starts with `engine/loop.py`.

Rooms, each above those that it uses:

    runtime/        puts a service together and runs it: wiring, command line, crash points, garbage collection
    http/           what a service answers over HTTP: health, metrics, operators' queries
    ingress/        what tenants send, until it is an event of ours: gate, tenant registry, validation errors
    kafka/          Kafka behind the Log and Batch ports
    mongo.py        MongoDB behind the Store and Claims ports
    engine/         the loop from a batch of records to its commit; journal, timers, dead letters
    telemetry/      logs, metrics and traces, and the catalogue of every name in them
    settings.py     the settings that all services share
    encryption.py   AES-GCM and HPKE, and the types of keys and secrets
    ports.py        the interfaces that carry all I/O of the loop
    decider.py      the interface of a policy
    clock.py        the time, real or accelerated
    errors.py       the failure model

Not here: anything that knows what a referral is. The four services have that; `contracts` has the messages.
"""

"""From a batch of records to its commit: every event takes effect once, whatever dies on the way.

Start with `loop.py`, which has the six steps. The other modules are what it uses:

    backoff.py       how long a batch that failed waits
    batch.py         a batch on its way through the steps
    decoding.py      step 1: from a record to an event of a stream
    stream_cache.py  step 2: folded streams, kept between batches
    deciding.py      step 3: one event against its stream's state
    journal.py       step 4: the journal's documents, and the fold over them
    effects.py       step 5: rows, timers and events
    dead_letters.py  records that cannot be handled, sealed to the operators
    reporting.py     log lines, metrics and spans of the loop
    timers.py        time as an event, published by the ticker

Not here: Kafka and MongoDB, which are reached only through `ports`; and what tenants send, which comes through
`ingress` first.
"""

"""The whole system in one process, under a virtual clock and a seeded scheduler. The same seed gives the same run.

How it works:

1. ``world.py`` builds the four services, with one to three instances each, on memory twins of Kafka and MongoDB.
   Policies, loops, gates, timers, sweeps and encryption are the real ones.
2. ``people.py`` plays agencies and providers, and keeps its own books of what they sent and received.
3. ``run.py`` takes random steps: a batch is handled, an instance dies, a call fails, a provider answers, time passes.
4. Then failures stop and time passes until every need has ended.
5. ``checks.py`` compares the journals, the topics and the books: nothing is lost, nothing happens twice, no place is
   given twice, no provider keeps personal data that it may not have.

``make simulate SEEDS=10000`` runs many seeds (``seeds.py``), ``make month`` one month at the rates of the field
(``month.py``). ``test_simulation.py`` also breaks the system on purpose, to prove that the checks would notice.
"""

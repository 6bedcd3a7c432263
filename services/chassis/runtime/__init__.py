"""Puts a service together and runs it.

service.py       `ServiceRuntime`: connections, gate, loop, periodic jobs, and their life; start here
lifespan.py      from start to stop, with a port that is open all the time
loss_watch.py    reports records that Kafka deleted before they were read
start.py         the command line of every service
crash_points.py  where a fault test can kill the process
gc_tuning.py     the garbage collector, tuned to many small long-lived states
"""

"""The demo: fictional agencies and providers use the real services on a real Kafka and a real MongoDB (`make demo`).

- `__main__`: starts a system of its own and plays the demo. `against`: plays it in a running compose system.
- `cast`, `people`: who takes part. `providers`: simulated providers that answer offers. `client`: their Kafka client.
- `stories`: four cases with names. `watch`: what the agencies learn, and whether anything was lost.
- `progress`: the live view. `show`, `explanations`, `verdict`: what is printed, and whether all went well.
"""

"""What tenants send, until it is an event of ours.

    gate.py               checks each record, refuses or admits it, and passes it on; start here
    admission.py          what a service writes for its gate
    gate_batch.py         a batch on its way through the gate, and what operators see of it
    tenant_registry.py    which organisations may take part
    plausibility.py       whether the times in a message are plausible
    validation_errors.py  what is wrong with a message, in words for its sender

Not here: what a service accepts and how it notifies a sender. That is the service's own `Admission`.
"""

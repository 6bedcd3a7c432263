"""What tenants send, until it is an event of ours.

    gate.py               checks each record, refuses or admits it, and passes it on; start here
    tenant_registry.py    which organisations may take part
    validation_errors.py  what is wrong with a message, in words for its sender

Not here: what a service accepts and how it answers a refusal. That is the service's own `Admission`.
"""

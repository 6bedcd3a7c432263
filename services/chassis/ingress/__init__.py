"""What tenants send, until it is an event of ours: gate, tenant registry, validation errors."""

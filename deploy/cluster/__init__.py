"""What Kafka holds for the system and for each organisation: topics, access rules, quotas, logins, tenants."""

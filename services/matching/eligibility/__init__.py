"""Who a service is for: criteria, rules, alternatives, and what has to be assessed."""

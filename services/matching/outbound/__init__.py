"""What matching counts (`fairness`) and warns operators about (`alerts`) while its events are published."""

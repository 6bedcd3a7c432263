"""The demo: fictional agencies and providers use the real services on a real Kafka and a real MongoDB."""

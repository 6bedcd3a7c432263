"""What every service stands on. Kafka and MongoDB are touched here and nowhere else."""

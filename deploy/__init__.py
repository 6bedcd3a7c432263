"""How the system is put to work: topics, one machine, containers, clusters."""

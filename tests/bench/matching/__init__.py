"""How good and how fast matching is, against a clairvoyant and simple rivals. All people and services are made up."""

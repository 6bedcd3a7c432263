"""The image of the services and of the operator, and `provision`: the steps that docker-compose.yml runs once."""

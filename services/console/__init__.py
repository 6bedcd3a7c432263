"""The operator's command line, `referrals`: a client of Kafka and of the services' own HTTP like any other."""

"""What Kafka holds for the system and for each organisation, and how it is brought there.

- `topics`: all topics with their settings; `topic_admin` applies them.
- `access`: who may read and write which topic. `quotas`: how much each organisation may use.
- `tenants`: onboards, rotates and revokes an organisation, with all of the above. Start here.
- `login`: where Kafka is and who connects, for both client libraries. `credentials_file`: the login as a file.
- `read_topic`: reads a topic to its end. `service_client`: the services' own HTTP.

``python -m deploy.cluster`` compares or applies the access rules. Names of topics are in contracts/topics.py.
"""

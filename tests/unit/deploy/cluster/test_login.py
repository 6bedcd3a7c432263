"""One login, as parameters of both Kafka client libraries."""

from pathlib import Path

from deploy.cluster.login import Login
from deploy.secrets.certificates import make_certificates


def test_a_plain_login_has_no_user() -> None:
    login = Login.from_address("k:1")
    assert Login.from_address(login) is login
    assert login.aiokafka() == {"bootstrap_servers": "k:1", "security_protocol": "PLAINTEXT"}
    assert login.confluent() == {"bootstrap.servers": "k:1", "security.protocol": "PLAINTEXT", "log_level": 2}


def test_user_and_tls_are_mapped_for_both_libraries(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    ca = str(tmp_path / "ca.pem")
    login = Login("k:1", "agency:a", "secret", ca=ca)
    arguments, config = login.aiokafka(), login.confluent()
    assert arguments["security_protocol"] == config["security.protocol"] == "SASL_SSL"
    assert arguments["sasl_mechanism"] == config["sasl.mechanism"] == "SCRAM-SHA-512"
    assert arguments["sasl_plain_username"] == config["sasl.username"] == "agency:a"
    assert arguments["sasl_plain_password"] == config["sasl.password"] == "secret"
    assert arguments["ssl_context"].get_ca_certs()
    assert config["ssl.ca.location"] == ca
    assert "secret" not in repr(login)


def test_a_producer_loses_nothing_and_a_consumer_commits_nothing() -> None:
    login = Login("k:1")
    producer, consumer = login.confluent_producer(timeout_ms=7), login.confluent_consumer("g", fetch_wait_ms=9)
    assert (producer["enable.idempotence"], producer["message.timeout.ms"]) == (True, 7)
    assert producer["partitioner"] == "murmur2_random"
    assert (consumer["group.id"], consumer["enable.auto.commit"], consumer["fetch.wait.max.ms"]) == ("g", False, 9)

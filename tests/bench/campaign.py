"""Campaigns of any size for benchmarks: a manifest on disk, and the lock and files of one that is done."""

import dataclasses
import hashlib
import json
from decimal import Decimal
from pathlib import Path

import kling_batch
from kling_batch.job import SpecHash, TaskId, business_id
from kling_batch.plan.diff import Plan
from kling_batch.plan.lockfile import Lock
from kling_batch.plan.lockfile import format as format_lock
from kling_batch.plan.record import Record, State

MANIFEST = """\
version: 1
project: bench
limits: {{jobs: 1000000}}
run: {{in_flight: {in_flight}, posts: 4, look_per_second: 10000, poll: {{first: {first}s, every: {every}s}}{more}}}
output: {{root: out}}
shots:
  hero:
    matrix: {{animal: {axis}, city: {axis}, style: {axis}}}
    takes: {takes}
    request: {{prompt: "{prompt}", mode: std, duration: 5}}
"""
PROMPT = "A {{ animal }} in {{ city }}, {{ style }}, take {{ take }}"
NO_HURRY = 1e9  # submits a second: a benchmark's service has no limits
AXIS = 10
NOWHERE = "http://127.0.0.1:9"


def write(
    folder: Path, jobs: int, *, in_flight: int = 8, first: float = 0.001, every: float = 1.0, more: str = ""
) -> Path:
    """Write a manifest of so many jobs (rounded up to what three axes and takes can make), and return its path."""
    side = AXIS if jobs >= AXIS**3 else 1
    takes = -(-jobs // side**3)
    path = folder / "bench.yaml"
    axis = [f"v{number}" for number in range(side)]
    text = MANIFEST.format(
        in_flight=in_flight,
        first=first,
        every=every,
        axis=json.dumps(axis),
        takes=takes,
        more=more,
        prompt=PROMPT,
    )
    path.write_text(text)
    return path


def unhurried(plan: Plan) -> Plan:
    """Return a plan whose submits are not paced."""
    return dataclasses.replace(plan, settings=dataclasses.replace(plan.settings, submit_per_second=NO_HURRY))


def finish(manifest: Path, *, files: bool, sandbox: bool = False, size: int = 1000) -> None:
    """Write the lock of a campaign that is done, and with `files` a small file for each of its videos."""
    campaign = kling_batch.load(manifest, base_url=NOWHERE, sandbox=sandbox)
    content = b"v" * size
    checksum = hashlib.sha256(content).hexdigest()
    records = {}
    for number, job in enumerate(campaign.manifest.jobs):
        records[job.key] = Record(
            spec=SpecHash(job.spec.hash),
            parts=job.spec.parts,
            state=State.DONE,
            business_id=business_id("bench", job.key, job.spec.hash, 1, 1),
            task=TaskId(f"tsk_vid_{number:08d}"),
            output=job.output,
            sha256=checksum,
            bytes=size,
            seconds=5.04,
            spent=Decimal("0.184"),
        )
        if files:
            path = campaign.places.outputs / job.output
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    lock = Lock(project="bench", service=campaign.service, jobs=records)
    campaign.places.lock.write_text(format_lock(lock))

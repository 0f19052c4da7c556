"""The page of a review from lock, sidecars and posters that are there: ours, and the least that has to be read."""

import json
from pathlib import Path
from typing import Any

import campaign
from measured import measured, work

import kling_batch
from kling_batch.cli import showing
from kling_batch.report.gallery import page
from kling_batch.run import reviewing

JPEG = b"\xff\xd8\xff\xe0" + bytes(20_000)  # nobody looks at it


def prepare(place: str, jobs: int) -> dict[str, Any]:
    """Leave a campaign that is done in a folder, each video with its sidecar and its poster."""
    manifest = campaign.write(Path(place), jobs)
    campaign.finish(manifest, files=True)
    loaded = _loaded(place)
    records = kling_batch.state(loaded).jobs
    posters = loaded.places.outputs / reviewing.FOLDER / reviewing.POSTERS
    posters.mkdir(parents=True)
    for job in loaded.manifest.jobs:
        sidecar = {"key": job.key, "spec": job.spec.hash, "task": records[job.key].task, "request": job.request.body()}
        (loaded.places.outputs / f"{job.output}.json").write_text(json.dumps(sidecar))
        (posters / f"{(records[job.key].sha256 or '')[:16]}.jpg").write_bytes(JPEG)
    return {"made": jobs}


def product(place: str) -> dict[str, Any]:
    """Read the manifest, its lock and what lies beside the videos, and put the page together."""
    with measured() as figures:
        loaded = _loaded(place)
        folder = loaded.places.outputs / reviewing.FOLDER
        shown = showing.gallery(loaded, kling_batch.plan(loaded).changes, folder, reviewing.address(folder))
        text = page(shown)
    posters = sum(card.draw is not None and card.draw.poster is not None for card in shown.cards)
    return {"wall": figures.wall, "cpu": figures.cpu, "made": posters, "bytes": len(text)}


def floor(place: str) -> dict[str, Any]:
    """Read the lock and each sidecar as JSON, ask for each video and poster, and write it all as JSON."""
    root = Path(place) / "out"
    with measured() as figures:
        jobs = json.loads((Path(place) / "bench.lock.json").read_bytes())["jobs"]
        told = []
        for key, record in jobs.items():
            sidecar = json.loads((root / f"{record['output']}.json").read_bytes())
            poster = root / reviewing.FOLDER / reviewing.POSTERS / f"{record['sha256'][:16]}.jpg"
            told.append([key, record, sidecar, (root / record["output"]).is_file(), poster.is_file()])
        text = json.dumps(told)
    return {"wall": figures.wall, "cpu": figures.cpu, "made": sum(each[4] for each in told), "bytes": len(text)}


def _loaded(place: str) -> kling_batch.Campaign:
    return kling_batch.load(Path(place) / "bench.yaml", base_url=campaign.NOWHERE)


if __name__ == "__main__":
    work({"prepare": prepare, "product": product, "floor": floor})

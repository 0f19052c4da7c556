"""A campaign put together as a gallery: what the plan, the lock, the sidecars and the picks say of each job."""

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kling_batch.cli import terminal
from kling_batch.media import stills
from kling_batch.plan.diff import Change
from kling_batch.plan.record import committed
from kling_batch.report.cards import Views, cards
from kling_batch.report.gallery import Gallery
from kling_batch.run import picking, reviewing
from kling_batch.run.shelf import Shelf

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign


def posters(campaign: "Campaign", changes: Sequence[Change], folder: Path) -> tuple[str, ...]:
    """Make the posters that are not there yet, where the extra is; return what went wrong."""
    if not stills.is_installed():
        return ()
    records = [each for change in changes if change.record for each in (change.record, *change.record.past)]
    return reviewing.make_posters(Shelf(root=campaign.places.outputs), records, folder)


def tell_faults(faults: Sequence[str]) -> None:
    """Tell which posters could not be made."""
    for each in faults:
        terminal.talk(f"warning: {each}")


def gallery(
    campaign: "Campaign",
    changes: Sequence[Change],
    folder: Path,
    address: Callable[[Path], str],
    token: str | None = None,
) -> Gallery:
    """Return what a page shows of these jobs now; `address` is how it names a file, `token` as in `Gallery`."""
    shelf, picks = Shelf(root=campaign.places.outputs), picking.read_picks(campaign)

    def named(path: Path | None) -> str | None:
        return address(path) if path else None

    views = Views(
        sidecar=lambda record: shelf.sidecar(record.output or "") if reviewing.video_of(record, shelf) else None,
        video=lambda record: named(reviewing.video_of(record, shelf)),
        poster=lambda record: named(reviewing.poster_of(record, folder)),
    )
    return Gallery(
        project=campaign.manifest.project,
        manifest=campaign.places.manifest.name,
        cards=cards(changes, picks.picks, views),
        picks=picks,
        picks_name=campaign.places.picks.name,
        spent=committed({change.origin or change.key: change.record for change in changes if change.record}),
        is_sandbox=campaign.service == "sandbox",
        token=token,
    )


def embedded(path: Path) -> str:
    """Return a file as an address that holds it (RFC 2397)."""
    kind = "image/jpeg" if path.suffix == ".jpg" else "video/mp4"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"

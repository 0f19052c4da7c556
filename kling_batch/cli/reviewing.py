"""Verbs for choosing: `review` shows what came out, `export` hands out what was picked."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from kling_batch import store
from kling_batch.cli import showing, terminal
from kling_batch.cli.asked import Asked
from kling_batch.cli.choosing import campaigns, reads_manifests
from kling_batch.cli.deciding import meant, whole_plans
from kling_batch.cli.picked import told_of_picks
from kling_batch.errors import StateError, UsageError
from kling_batch.media import stills
from kling_batch.plan.diff import Change
from kling_batch.plan.record import Record
from kling_batch.plan.select import Selection
from kling_batch.report.cards import Card
from kling_batch.report.edits import megabytes
from kling_batch.report.export import chosen, clean_names, index_csv, index_json, is_index
from kling_batch.report.gallery import GENERATOR, page
from kling_batch.report.money import several
from kling_batch.run import reviewing
from kling_batch.run.exporting import Chosen
from kling_batch.run.exporting import export as hand_out
from kling_batch.run.shelf import Shelf
from kling_batch.text.plain import plain
from kling_batch.text.render import listed

if TYPE_CHECKING:
    from kling_batch.run.workspace import Campaign

PAGE = "index.html"
LARGE = 50_000_000  # bytes of an embedded page from which it is told that mail and browsers may refuse it
LARGEST = 500_000_000  # bytes of a page; a text of more than 2**29 characters is opened by no browser
INDEX = ("index.csv", "index.json")
SOME = 3  # files that are told by name
LARGEST_INDEX = 100_000_000  # bytes
LARGEST_PAGE = 1 << 30  # bytes
ServePort = click.IntRange(0, 65535)


@click.command(epilog="Example: kling-batch review manifests/quickstart.yaml --sandbox --serve")
@reads_manifests
@click.option("--output", "-o", type=click.Path(file_okay=False, path_type=Path), help="Folder for the page [review].")
@click.option("--embed", is_flag=True, help="Put the videos into the page itself: one file to hand around.")
@click.option("--sheets", is_flag=True, help="Write a contact sheet of each shot beside the page.")
@click.option("--serve", is_flag=True, help="Serve the page on loopback: picks are saved at once, new videos appear.")
@click.option("--port", type=ServePort, default=0, help="With --serve: the port; 0 takes a free one.")
def review(
    asks: tuple[Asked, ...],
    selection: Selection,
    *,
    output: Path | None,
    embed: bool,
    sheets: bool,
    serve: bool,
    port: int,
) -> int:
    """Make a page that shows every video beside what made it, to compare takes and to choose.

    The page lies in the folder `review` below the output root and opens from disk, without network. With --serve what
    you pick is in the picks file at once; a page on disk hands that file out. It goes beside the manifest, into git.
    A SELECTOR is a shot, a key, or a pattern over keys such as 'hero/lang=de*'.
    """
    if len(asks) > 1 and (serve or output is not None):
        raise UsageError("`--serve` and `-o` are for one manifest", help="name one, or leave the option out")
    if serve and embed:
        raise UsageError("a served page needs no `--embed`", help="leave one of them out")
    read = campaigns(asks)
    plans = whole_plans(read, selection)
    if not stills.is_installed():
        terminal.talk(f"no posters: {stills.MISSING}; `{stills.INSTALL}`")
    for asked, campaign, changes in zip(asks, read, plans, strict=True):
        told_of_picks(campaign, changes)
        folder = output or campaign.places.outputs / reviewing.FOLDER
        if serve:
            from kling_batch.cli.serve import serve_until_stopped  # noqa: PLC0415 - only serving needs a server

            return serve_until_stopped(asked, campaign, selection, folder, port)
        _write(campaign, meant(campaign, changes, selection), folder, embed=embed, sheets=sheets)
    return 0


def _write(campaign: "Campaign", changes: Sequence[Change], folder: Path, *, embed: bool, sheets: bool) -> None:
    """Write the page of one campaign, and what it needs beside it."""
    where = folder / PAGE
    if not _may_write(where, LARGEST_PAGE, lambda content: GENERATOR.encode() in content[:2000]):
        raise UsageError(f"`{terminal.shown(where)}` is not a page of ours", help="choose another folder with `-o`")
    if embed:
        _fits(campaign, changes)
    store.make_folder(folder)
    showing.tell_faults(showing.posters(campaign, changes, folder))
    shown = showing.gallery(campaign, changes, folder, showing.embedded if embed else reviewing.address(folder))
    content = page(shown).encode()
    store.write_atomic(where, content)
    large = "; mail and browsers may refuse it" if embed and len(content) > LARGE else ""
    terminal.talk(f"{several(len(shown.cards), 'job')}, {megabytes(len(content))}{large}; open it in a browser:")
    terminal.out(terminal.shown(where))
    if sheets:
        for path in _sheets(shown.cards, changes, folder):
            terminal.out(terminal.shown(path))


def _fits(campaign: "Campaign", changes: Sequence[Change]) -> None:
    """Raise `UsageError` where the videos are more than a page can hold."""
    shelf = Shelf(root=campaign.places.outputs)
    records = [each for change in changes if change.record for each in (change.record, *change.record.past)]
    videos = {path for record in records if (path := reviewing.video_of(record, shelf))}
    size = sum(path.stat().st_size for path in videos) * 4 // 3  # as base64 has it
    if size > LARGEST:
        raise UsageError(
            f"with its videos in it the page would have {megabytes(size)}, and browsers open none above "
            f"{megabytes(LARGEST)}",
            help="name fewer jobs, or leave `--embed` out",
        )


def _sheets(shown: Sequence[Card], changes: Sequence[Change], folder: Path) -> list[Path]:
    """Write contact sheets of each shot that has posters, one after the other as they fill; return where they lie."""
    records = {change.key: change.record for change in changes}
    found: dict[str, list[tuple[str, bytes]]] = {}
    for card in shown:
        record: Record | None = records[card.key]
        path = reviewing.poster_of(record, folder) if record else None
        if path:
            name = card.key.removeprefix(f"{card.shot}/")
            found.setdefault(card.shot, []).append((name, path.read_bytes()))
    written = []
    for shot, pictures in found.items():
        for start in range(0, len(pictures), stills.SHEET):
            number = f"~{start // stills.SHEET + 1}" if start else ""  # no shot has a `~` in its name
            written.append(folder / f"sheet-{shot}{number}.jpg")
            store.write_atomic(written[-1], stills.sheet(pictures[start : start + stills.SHEET]))
    return written


@click.command(epilog="Example: kling-batch export manifests/spring.yaml --picked for-the-client")
@reads_manifests
@click.option(
    "--picked",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder.",
)
@click.option("--link", is_flag=True, help="Link the files where the disk can, instead of copying them.")
def export(asks: tuple[Asked, ...], selection: Selection, *, folder: Path, link: bool) -> int:
    """Put every picked video into a folder, under a clean name, with an index as CSV and JSON.

    No video that is there is overwritten or taken away: a later export into the same folder adds what is new, tells
    what is not of it, and makes the index anew. A pick of a video that has been drawn anew since is told, and left
    out. A SELECTOR is a shot, a key, or a pattern over keys.
    """
    if len(asks) > 1:
        raise UsageError("`export` is for one manifest", help="name one; several folders are several exports")
    (campaign,) = campaigns(asks)
    (changes,) = whole_plans([campaign], selection)
    shown = showing.gallery(campaign, meant(campaign, changes, selection), folder, reviewing.address(folder))
    ready, overtaken = chosen(shown.cards)
    for card in overtaken:
        terminal.talk(f"left out: `{plain(card.key)}`, the video that was picked is not its result")
    names = clean_names(ready)
    files = [
        Chosen(file=names[card.key], output=card.draw.output, sha256=card.draw.sha256) for card in ready if card.draw
    ]
    _check_index(folder)
    hand_out(files, Shelf(root=campaign.places.outputs), folder, link=link)
    store.write_atomic(folder / INDEX[0], index_csv(names, ready).encode())
    store.write_atomic(
        folder / INDEX[1], f"{json.dumps(index_json(names, ready), ensure_ascii=False, indent=1)}\n".encode()
    )
    others = sorted(path.name for path in folder.glob("*.mp4") if path.name not in names.values())
    if others:
        more = f" and {len(others) - SOME} more" if others[SOME:] else ""
        terminal.talk(f"not of this export, and left there: {listed(map(plain, others[:SOME]))}{more}")
    terminal.talk(f"{several(len(files), 'video')} in {terminal.shown(folder)}")
    return 0


def _check_index(folder: Path) -> None:
    """Raise `StateError` where a file that no export wrote lies in the place of an index."""
    for path in (folder / name for name in INDEX):
        if not _may_write(path, LARGEST_INDEX, is_index):
            raise StateError(
                f"another file lies at `{path.name}`; nothing was exported",
                help="move it away, or name another folder",
            )


def _may_write(path: Path, limit: int, is_ours: Callable[[bytes], bool]) -> bool:
    """Say whether there is nothing at a path, or a file of ours, so that a newer one may take its place."""
    try:
        return is_ours(store.read_bytes(path, limit, follow=False))
    except OSError as error:
        return isinstance(error, FileNotFoundError | NotADirectoryError)

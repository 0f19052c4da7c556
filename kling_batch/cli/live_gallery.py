"""What a served review shows: the campaign as its files tell it now, put together again only when one has changed."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from kling_batch.cli import showing
from kling_batch.cli.asked import Asked
from kling_batch.cli.deciding import meant, whole_plans
from kling_batch.errors import KlingBatchError
from kling_batch.plan.select import Selection
from kling_batch.report.gallery import Gallery
from kling_batch.run import reviewing
from kling_batch.run.workspace import Campaign

Mark = tuple[int, int, int]


@dataclass(slots=True, kw_only=True)
class LiveGallery:
    """The gallery of one campaign, for as long as it is served; `token` as in `Gallery`."""

    asked: Asked
    campaign: Campaign
    selection: Selection
    folder: Path
    token: str
    _marks: Mapping[Path, Mark | None] = field(default_factory=dict)
    _shown: Gallery | None = None
    _told: set[str] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def gallery(self) -> Gallery:
        """Return what there is to see now. Raises as reading the manifest, its lock and its picks does."""
        with self._guard:
            places = self.campaign.places
            marks = {path: _mark(path) for path in (*self._sources(), places.lock, places.journal, places.picks)}
            if self._shown is None or marks != self._marks:
                self._shown, self._marks = self._put_together(marks), marks
            return self._shown

    def last(self) -> Gallery:
        """Return what there was to see last, where nothing can be seen now: the page asks again, and is told why."""
        try:
            return self.gallery()
        except KlingBatchError:
            if self._shown is None:
                raise
            return self._shown

    def _sources(self) -> tuple[Path, ...]:
        """Return the files that say which jobs there are: the manifest, and what it names."""
        manifest = self.campaign.places.manifest
        return (manifest, *(manifest.parent / each for each in self.campaign.manifest.files))

    def _put_together(self, marks: Mapping[Path, Mark | None]) -> Gallery:
        if any(marks[path] != self._marks.get(path) for path in self._sources()):
            self.campaign = self.asked.campaign()
        (changes,) = whole_plans([self.campaign], self.selection)
        wanted = meant(self.campaign, changes, self.selection)
        faults = showing.posters(self.campaign, wanted, self.folder)
        showing.tell_faults([each for each in faults if each not in self._told])
        self._told.update(faults)
        return showing.gallery(self.campaign, wanted, self.folder, self._address, self.token)

    def _address(self, path: Path) -> str:
        if path.suffix == ".jpg":
            return f"{reviewing.POSTERS}/{path.name}"
        return f"media/{quote(path.relative_to(self.campaign.places.outputs).as_posix())}"


def _mark(path: Path) -> Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

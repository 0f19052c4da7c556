"""Local images on their way to the service: each content once a run, and before the intent that names it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import anyio

from kling_batch.api.answers import Fault, Uploaded
from kling_batch.job import Image, Request
from kling_batch.run.ports import Service
from kling_batch.run.states import Stop

_TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp", b"GIF8": "image/gif"}


@dataclass(slots=True)
class Uploads:
    """What has been uploaded in this run, by content.

    `read` returns the content of a local image by its path below the manifest's folder, and raises `OSError` where it
    cannot be read or is no longer what was planned.
    """

    service: Service
    read: Callable[[Image], Awaitable[bytes]]
    _urls: dict[str, str] = field(default_factory=dict)
    _locks: dict[str, anyio.Lock] = field(default_factory=dict)

    async def urls(self, request: Request) -> Mapping[str, str] | Fault | Stop:
        """Return where each local image of a request lies at the service, by its path; or what stood against it."""
        urls: dict[str, str] = {}
        for image in request.images:
            if image.sha256 is None:
                continue
            match await self._one(image, image.sha256):
                case str(url):
                    urls[image.url] = url
                case trouble:
                    return trouble
        return urls

    async def _one(self, image: Image, content: str) -> str | Fault | Stop:
        async with self._locks.setdefault(content, anyio.Lock()):
            if content in self._urls:
                return self._urls[content]
            try:
                data = await self.read(image)
            except OSError as error:
                return Stop(why=f"image `{image.url}`: {error.strerror or error}", blocked=True)
            kind = next((name for magic, name in _TYPES.items() if data.startswith(magic)), "application/octet-stream")
            match await self.service.upload(image.url.rsplit("/", 1)[-1], data, kind):
                case Uploaded(url=url):
                    self._urls[content] = url
                    return url
                case fault:
                    return fault

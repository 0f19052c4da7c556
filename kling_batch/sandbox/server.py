"""The pretended service on a socket: the documented addresses in front of a desk, on loopback.

`serve` runs it in a thread beside its caller, `run_forever` until a signal. What was paid for is in the state file
before its answer leaves, so that a sandbox that dies with its runner still knows it in the next life.
"""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import anyio
import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from kling_batch.errors import UsageError
from kling_batch.media.painting import Scene, paint
from kling_batch.media.stills import is_installed
from kling_batch.sandbox.answer import Answer, no_route, refused
from kling_batch.sandbox.desk import ROUTES, Asked, Content, Desk, Painter, shipped
from kling_batch.sandbox.memory import Memory
from kling_batch.sandbox.outgoing import TRANSPORT, Outgoing, Whole
from kling_batch.sandbox.scenario import Operation, Scenario, Script, parse
from kling_batch.sandbox.task import Task
from kling_batch.sandbox.terms import LARGEST_BODY, LARGEST_IMAGE
from kling_batch.sandbox.world import World

DEFAULT_SPEED = 45.0  # a video takes about two seconds
_LOOPBACK = "127.0.0.1"
_BACKLOG = 2048
_METHODS = ("CONNECT", "DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
_KEPT = 32  # painted videos, each of a few hundred kB
_NOTE = 20  # letters of an id that are painted
_IDLE = 75  # seconds that a connection is kept, as common front ends do


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How a sandbox is run. `port` 0 takes a free one; what is `None` is as the scenario says, or as by default.

    `speed` is how many times faster than the real service a video is made. `state` is a file that lets a restarted
    sandbox know its tasks. `clip_bytes` pads every video to that size. `paint` lets new videos
    show what was asked for.
    """

    port: int = 0
    speed: float | None = None
    seed: int | None = None
    scenario: Path | None = None
    state: Path | None = None
    clip_bytes: int | None = None
    paint: bool | None = None


@contextmanager
def serve(config: Config) -> Iterator[str]:
    """Run a sandbox in a thread of its own while the block lasts; the value is its base URL, `http://.../v1`.

    Raises `UsageError` for a scenario that does not hold or a taken port, `StateError` for a damaged state file.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(config.port))
        server = uvicorn.Server(_uvicorn(app(_desk(config, stack))))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
        thread.start()
        try:
            yield f"http://{_LOOPBACK}:{listener.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()


def run_forever(config: Config, announce: Callable[[str], None]) -> None:
    """Run a sandbox until SIGINT or SIGTERM; `announce` is told its base URL once it listens. Raises as `serve`."""

    async def wait(url: str) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            announce(url)
            async for _ in signals:
                return

    with serve(config) as url:
        anyio.run(wait, url)


def app(desk: Desk) -> Starlette:
    """Return the service as an ASGI application, to be put on a socket or called within the process."""
    routes = [Route(path, _endpoint(desk, operation), methods=[method]) for method, path, operation in ROUTES]
    about = Answer(
        status=200,
        headers=(("content-type", "application/json"),),
        parts=(files(__package__).joinpath("openapi.json").read_bytes(),),
    )

    async def openapi(_: Request) -> Outgoing:
        return Whole(about)

    async def ledger(_: Request) -> Outgoing:
        return Whole(desk.world.ledger(desk.clock()))

    routes += [Route("/openapi.json", openapi), Route("/v1/sandbox/ledger", ledger)]

    async def nowhere(request: Request) -> Outgoing:
        path = request.scope["path"]
        fitting = (route for route in routes if route.path_regex.match(path))
        allowed = sorted({method for route in fitting for method in route.methods or ()})
        if allowed:
            return Whole(refused(405, "", "Method not allowed", headers=(("allow", ", ".join(allowed)),)))
        return Whole(no_route(request.method, quote(path)))

    return Starlette(routes=[*routes, Route("/{path:rest}", nowhere, methods=_METHODS)])


def _endpoint(desk: Desk, operation: Operation) -> Callable[[Request], Awaitable[Outgoing]]:
    async def endpoint(request: Request) -> Outgoing:
        host, port = request.scope.get("server") or (_LOOPBACK, None)
        asked = Asked(
            operation=operation,
            origin=f"{request.scope['scheme']}://{host}" + (f":{port}" if port else ""),
            read=lambda: _read_file(request) if operation == "upload" else _read_body(request),
            names=request.path_params,
            query=request.query_params,
            headers=request.headers,
        )
        return await desk.answer(asked)

    return endpoint


async def _read_body(request: Request) -> Content | Answer:
    """Return the body of a request; of one past the limit just enough that its length shows."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_BODY:
            break
    return content


async def _read_file(request: Request) -> Content | Answer:
    """Return the one file of a form; `None` where there is another number of them, or no form."""
    if int(request.headers.get("content-length", "0")) > 2 * LARGEST_IMAGE:
        return refused(413, "read_request_body_failed", "request body too large", kind="new_api_error")
    try:
        async with request.form() as form:
            found = [each for each in form.getlist("file") if isinstance(each, UploadFile)]
            return await found[0].read(LARGEST_IMAGE + 1) if len(found) == 1 else None
    except HTTPException:
        return None


class _Rest(PathConvertor):
    """The rest of an address, whatever it holds; `path` ends at a line break."""

    regex = r"[\s\S]*"


register_url_convertor("rest", _Rest())


class _OpenProtocol(H11Protocol):
    """Hands the application its connection, so that faults can cut and reset it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the class above
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


def _uvicorn(application: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=_OpenProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=1,
    )


@contextmanager
def _listen(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_LOOPBACK, port))
        except OSError as error:
            raise UsageError(f"port {port} cannot be had: {error.strerror}", help="leave `--port` out") from error
        listener.listen(_BACKLOG)
        yield listener


def _desk(config: Config, stack: ExitStack) -> Desk:
    script = parse(_text(config.scenario)) if config.scenario is not None else Script()
    terms = script.terms()
    if config.speed is not None or "speed" not in script.service:
        terms = replace(terms, speed=DEFAULT_SPEED if config.speed is None else config.speed)
    if config.seed is not None:
        terms = replace(terms, seed=config.seed)
    if config.clip_bytes is not None:
        terms = replace(terms, clip_bytes=config.clip_bytes)
    if config.paint is not None:
        terms = replace(terms, paint=config.paint)
    memory = stack.enter_context(Memory(config.state)) if config.state is not None else None
    return Desk(
        world=World(terms, memory.facts if memory is not None else ()),
        terms=terms,
        clock=time.time,
        sleep=anyio.sleep,
        scenario=Scenario(script.rules, terms.seed),
        keep=memory.keep if memory is not None else lambda _: None,
        paint=_painter() if is_installed() else shipped,
    )


def _painter() -> Painter:
    """Return what paints a task's video: beside the loop, one after the other, the latest of them kept."""
    hand = anyio.CapacityLimiter(1)
    painted = lru_cache(maxsize=_KEPT)(paint)

    async def painter(task: Task) -> bytes | None:
        note = task.business_id or task.id
        scene = Scene(
            prompt=task.prompt,
            mark=task.id,
            note=note if len(note) <= _NOTE else f"{note[:_NOTE]}...",
            mode=task.mode,
            ratio=task.ratio,
            seconds=task.duration,
            audio=task.audio,
        )
        try:
            return await anyio.to_thread.run_sync(painted, scene, limiter=hand)
        except (OSError, ValueError):  # what PyAV and Pillow raise, such as for an FFmpeg that was built without x264
            return None

    return painter


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the scenario `{path}` cannot be read: {error}") from error

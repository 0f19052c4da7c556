"""The gallery on loopback: the page, its data as they are now, the videos; the one thing that may be written are picks.

Another page that the same browser shows could try to reach it. So the `Host` has to be loopback (a name that was bound
to 127.0.0.1 to get in is refused), and a pick has to bring the token that only this page knows.
"""

import hashlib
import json
import re
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path

import anyio
import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from kling_batch import store
from kling_batch.cli import terminal
from kling_batch.cli.asked import Asked
from kling_batch.cli.live_gallery import LiveGallery
from kling_batch.errors import KlingBatchError, ManifestError, StateError, UsageError
from kling_batch.job import Json
from kling_batch.plan.picks import VIDEO_DIGITS, Pick, Verdict, clean
from kling_batch.plan.select import Selection
from kling_batch.report.gallery import Gallery, document, page, policy
from kling_batch.run import picking, reviewing
from kling_batch.run.workspace import Campaign
from kling_batch.text.render import concise

LOOPBACK = "127.0.0.1"
LARGEST_PICK = 64_000  # bytes of a request
_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")
_POSTER = re.compile(r"[0-9a-f]{16}\.jpg")
_VIDEO = re.compile(rf"[0-9a-f]{{{VIDEO_DIGITS}}}")


def serve_until_stopped(asked: Asked, campaign: Campaign, selection: Selection, folder: Path, port: int) -> int:
    """Serve the page of a campaign until SIGINT or SIGTERM; raises `UsageError` for a port that cannot be had."""
    live = LiveGallery(
        asked=asked, campaign=campaign, selection=selection, folder=folder, token=secrets.token_urlsafe(24)
    )
    live.gallery()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            raise UsageError(f"port {port} cannot be had: {error.strerror}", help="leave `--port` out") from error
        listener.listen()
        terminal.out(f"http://{LOOPBACK}:{listener.getsockname()[1]}/")
        terminal.talk(f"picks go to {terminal.shown(campaign.places.picks)}; Ctrl-C ends it")
        _run(app(live), listener)
    return 0


def _run(application: Starlette, listener: socket.socket) -> None:
    config = uvicorn.Config(
        application,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="review", daemon=True)

    async def wait() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            thread.start()
            async for _ in signals:
                return

    try:
        anyio.run(wait)
    finally:
        server.should_exit = True
        thread.join()


def app(live: LiveGallery) -> Starlette:
    """Return the pages as an ASGI application."""

    def index(request: Request) -> Response:
        return guarded(request, lambda: HTMLResponse(page(live.last())))

    def data(request: Request) -> Response:
        return guarded(request, lambda: _document(live.gallery(), request))

    def media(request: Request) -> Response:
        return guarded(request, lambda: _video(live.campaign.places.outputs, request.path_params["path"]))

    def poster(request: Request) -> Response:
        return guarded(request, lambda: _poster(live.folder, request.path_params["name"]))

    async def picks(request: Request) -> Response:
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_PICK:
                    return guarded(request, lambda: _refused(413, "that is no pick: it is too large"))
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it
        return await anyio.to_thread.run_sync(lambda: guarded(request, lambda: _pick(live, request, body)))

    def strange(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is the handler of these
        response = guarded(request, lambda: _refused(error.status_code, error.detail.lower()))
        response.headers.update(error.headers or {})
        return response

    application = Starlette(
        routes=[
            Route("/", index),
            Route("/data.json", data),
            Route("/media/{path:path}", media),
            Route("/posters/{name}", poster),
            Route("/picks", picks, methods=["PUT"]),
        ],
        exception_handlers={HTTPException: strange},
    )
    application.router.redirect_slashes = False  # it would send the browser to whatever `Host` says
    return application


def guarded(request: Request, answer: Callable[[], Response]) -> Response:
    """Answer a request that names this machine; what cannot be read is told as an error, and never more than that."""
    response: Response
    if _HOST.fullmatch(request.headers.get("host", "")) is None:
        response = _refused(421, "this is only for this machine")
    else:
        try:
            response = answer()
        except ManifestError as error:
            response = _refused(409, "; ".join(map(concise, error.diagnostics)))
        except KlingBatchError as error:
            response = _refused(409, error.message)
    response.headers["content-security-policy"] = policy(is_served=True) + "; frame-ancestors 'none'"
    response.headers["x-content-type-options"] = "nosniff"
    response.headers["cross-origin-resource-policy"] = "same-origin"
    response.headers["referrer-policy"] = "no-referrer"
    return response


def _refused(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status)


def _document(gallery: Gallery, request: Request) -> Response:
    content = json.dumps(document(gallery), ensure_ascii=False).encode()
    headers = {"etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"', "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


def _video(outputs: Path, output: str) -> Response:
    with suppress(StateError, OSError):  # a name may be longer than the disk takes
        path = store.below(outputs, output)
        if path.suffix.lower() == ".mp4" and path.is_file():
            return FileResponse(path, media_type="video/mp4")
    return _refused(404, "no such video")


def _poster(folder: Path, name: str) -> Response:
    path = folder / reviewing.POSTERS / name
    if _POSTER.fullmatch(name) is None or not path.is_file():
        return _refused(404, "no such poster")
    return FileResponse(path, media_type="image/jpeg", headers={"cache-control": "max-age=86400, immutable"})


def _pick(live: LiveGallery, request: Request, body: bytes) -> Response:
    origin = request.headers.get("origin")
    if origin is not None and origin != f"http://{request.headers['host']}":
        return _refused(403, "this page did not come from here")
    if not secrets.compare_digest(request.headers.get("x-kling-batch-token", "").encode(), live.token.encode()):
        return _refused(403, "this page is of an earlier start: load it anew")
    try:
        said: Json = json.loads(body)
    except (ValueError, RecursionError):
        return _refused(400, "this is no JSON")
    if not (isinstance(said, dict) and _is_pick(said)):
        return _refused(400, "a pick has `key`, and `verdict` (pick, reject or null), `note` or both, maybe `video`")
    key, video = str(said["key"]), said.get("video")
    card = next((card for card in live.gallery().cards if card.key == key), None)
    if card is None:
        return _refused(404, f"there is no job `{clean(key)}`")
    if video is None:
        video = card.draw.sha256 if card.draw else ""
    shown = _VIDEO.match(video) if isinstance(video, str) else None
    change = partial(_changed, said, shown[0] if shown else "")
    now = picking.write_pick(live.campaign, card.key, change).picks.get(card.key)
    told: Json = None
    if now is not None:
        told = {"verdict": now.verdict.value if now.verdict else None, "note": now.note, "video": now.video}
    return JSONResponse({"picks": {key: told}})


def _is_pick(said: Mapping[str, Json]) -> bool:
    is_text = isinstance(said.get("key"), str) and isinstance(said.get("note", ""), str)
    return is_text and said.get("verdict") in (None, "pick", "reject") and bool(said.keys() & {"verdict", "note"})


def _changed(said: Mapping[str, Json], video: str, pick: Pick) -> Pick:
    """Return a pick with what was said of it now; of what was not said somebody else may have had the last word.

    A note alone does not make an earlier verdict one of the video that is there by now.
    """
    is_judged = "verdict" in said or pick.verdict is None
    if "verdict" in said:
        pick = replace(pick, verdict=Verdict(said["verdict"]) if said["verdict"] else None)
    if "note" in said:
        pick = replace(pick, note=clean(str(said["note"])))
    return replace(pick, video=video) if is_judged else pick

"""Uploads go to disk as they arrive: the server never holds a file in memory.

Streamlit's own upload route reads the whole body into memory and keeps it for the visit. Here the
route still decides whether an upload is taken (token against forged requests, session, size), but
the file it gets to see is empty: what the browser sent is written to disk the moment the route, its
checks done, asks for the body.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from persmark.settings import settings

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_ROUTE = re.compile(r"/_stcore/upload_file/[^/]+/([^/]+)$")
_KEPT_SECONDS = 24 * 3600  # of an upload that was never loaded
_WRITE_BYTES = 1 << 20
_FRAME_BYTES = 1 << 16  # of the form around the file

# File id, a random number that only its visit knows -> where it lies; None once a load has taken it.
_STAGED: dict[str, Path | None] = {}
_LOCK = threading.Lock()


def uploads_folder() -> Path:
    """Where uploads wait to be loaded."""
    folder = settings().data_folder / ".uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _fresh_path() -> Path:
    """A name of our own, for a file's name is no place; files that nobody loaded are removed."""
    folder = uploads_folder()
    for old in folder.iterdir():
        with suppress(FileNotFoundError):
            if time.time() - old.stat().st_mtime > _KEPT_SECONDS:
                old.unlink()
    return folder / uuid.uuid4().hex


def _register(file_id: str, path: Path | None) -> None:
    with _LOCK:
        before = _STAGED.get(file_id)
        _STAGED[file_id] = path
    if before is not None and before != path:
        before.unlink(missing_ok=True)


def staged(upload: UploadedFile) -> Path | None:
    """Where an upload lies on disk; None once a load has taken it."""
    with _LOCK:
        if upload.file_id in _STAGED:
            path = _STAGED[upload.file_id]
            return path if path is not None and path.exists() else None
    # An upload that did not come through `Uploads`: the shell served without app.py.
    path = _fresh_path()
    upload.seek(0)
    with path.open("wb") as out:
        shutil.copyfileobj(upload, out, _WRITE_BYTES)
    _register(upload.file_id, path)
    return path


def take(path: Path) -> None:
    """Hand a staged file over to a load, which deletes it; taking it away in the browser no longer does."""
    with _LOCK:
        for file_id, known in _STAGED.items():
            if known == path:
                _STAGED[file_id] = None


def _forget(file_id: str) -> None:
    with _LOCK:
        path = _STAGED.pop(file_id, None)
    if path is not None:
        path.unlink(missing_ok=True)


class _Form:
    """The body of an upload: its file's bytes are collected to be written, its frame is kept.

    Args:
        boundary: What parts the form.
    """

    def __init__(self, boundary: bytes) -> None:
        self._boundary = boundary
        self._header = [b"", b""]
        self._headers: list[tuple[bytes, bytes]] = []
        self._is_file = False
        self._frame = 0
        self.frames: list[list[tuple[bytes, bytes]]] = []
        self.ready: list[bytes] = []
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._add(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._add(1, data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
            },
        )

    def _begin(self) -> None:
        self._headers, self._is_file = [], False

    def _add(self, place: int, piece: bytes) -> None:
        self._frame += len(piece)
        if self._frame > _FRAME_BYTES:
            raise HTTPException(status_code=400, detail="The form around the file is too large")
        self._header[place] += piece

    def _header_end(self) -> None:
        self._headers.append((self._header[0], self._header[1]))
        self._header = [b"", b""]

    def _headers_end(self) -> None:
        disposition = {name.lower(): value for name, value in self._headers}.get(b"content-disposition", b"")
        if b"filename" in parse_options_header(disposition)[1]:
            if self.frames:
                raise HTTPException(status_code=400, detail="Expected 1 file, but got several")
            self._is_file = True
            self.frames.append(self._headers)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self.ready.append(data[start:end])

    def emptied(self) -> bytes:
        """The same form with nothing in its files."""
        lines = []
        for headers in self.frames:
            lines.append(b"--" + self._boundary)
            lines += [name + b": " + value for name, value in headers]
            lines += [b"", b""]
        return b"\r\n".join([*lines, b"--" + self._boundary + b"--", b""])


async def _save(receive: Receive, boundary: bytes, out: IO[bytes]) -> Message:
    """Write the file that the body holds.

    Returns:
        The body with an empty file, or the message that the browser went away.

    Raises:
        HTTPException: The body is larger than an upload may be, or no form; or the disk is full.
    """
    most = int(config.get_option("server.maxUploadSize")) << 20
    form = _Form(boundary)
    n_bytes = waiting = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return message
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        n_bytes += len(chunk)
        if n_bytes > most + _FRAME_BYTES:
            raise HTTPException(status_code=413, detail="File too large")
        try:
            form.parser.write(chunk)
            if not more:
                form.parser.finalize()
        except FormParserError as error:
            raise HTTPException(status_code=400, detail="The upload is no form") from error
        waiting += len(chunk)
        if form.ready and (waiting > _WRITE_BYTES or not more):
            try:
                await asyncio.to_thread(out.writelines, form.ready)
            except OSError as error:
                raise HTTPException(status_code=507, detail="The disk is full") from error
            form.ready, waiting = [], 0
    try:
        await asyncio.to_thread(out.flush)
    except OSError as error:
        raise HTTPException(status_code=507, detail="The disk is full") from error
    return {"type": "http.request", "body": form.emptied(), "more_body": False}


class Uploads:
    """ASGI middleware that keeps what is uploaded on disk; everything else passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; an upload's body goes to disk when the app asks for it."""
        found = _ROUTE.search(scope["path"]) if scope["type"] == "http" else None
        if found and scope["method"] == "PUT":
            await self._put(found[1], scope, receive, send)
        elif found and scope["method"] == "DELETE":
            await self.app(scope, receive, _when_taken(send, lambda: _forget(found[1])))
        else:
            await self.app(scope, receive, send)

    async def _put(self, file_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        content_type = dict(scope["headers"]).get(b"content-type", b"")
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            await self.app(scope, receive, send)
            return
        path: Path | None = None
        kept = False

        async def receive_emptied() -> Message:
            nonlocal path
            if path is not None:
                return await receive()
            path = _fresh_path()
            with path.open("xb") as out:
                return await _save(receive, boundary, out)

        def keep() -> None:
            nonlocal kept
            if path is not None:
                _register(file_id, path)
                kept = True

        try:
            await self.app(scope, receive_emptied, _when_taken(send, keep))
        finally:
            if path is not None and not kept:
                path.unlink(missing_ok=True)


def _when_taken(send: Send, do: Callable[[], None]) -> Send:
    """A `send` that does something once the app has answered that all is well."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 300:
            do()
        await send(message)

    return sending

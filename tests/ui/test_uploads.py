"""Uploads go to disk: what the app behind sees is empty, what lies on disk is what was sent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from persmark.ui import uploads
from tests.conftest import HARD

ID = "7d6d5c7e-0000-4000-8000-00000000beef"
TYPE = b"multipart/form-data; boundary=----b0undary"
seen: list[tuple[str, int]] = []


def body_of(content: bytes, name: str = HARD) -> bytes:
    quoted = name.replace('"', "%22").encode()
    head = b'------b0undary\r\nContent-Disposition: form-data; name="file"; filename="' + quoted + b'"\r\n'
    return head + b"Content-Type: text/csv\r\n\r\n" + content + b"\r\n------b0undary--\r\n"


async def put(request: Request) -> Response:
    """As Streamlit's route: checks first, then the form."""
    if request.headers.get("x-token") == "forged":
        raise HTTPException(403)
    form = await request.form()
    files = [one for one in form.values() if isinstance(one, UploadFile)]
    if len(files) != 1:
        raise HTTPException(400)
    seen.append((files[0].filename or "", len(await files[0].read())))
    return Response(status_code=204)


async def delete(request: Request) -> Response:
    return Response(status_code=204)


def ask(method: str, body: bytes, *, step: int = 7, token: str = "", ends: bool = True) -> int | None:
    """Send a request in pieces of `step` bytes; the status."""
    path = "/_stcore/upload_file/{session}/{file}"
    app = uploads.Uploads(
        Starlette(routes=[Route(path, put, methods=["PUT"]), Route(path, delete, methods=["DELETE"])])
    )
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": not ends or n < len(pieces) - 1}
        for n, piece in enumerate(pieces)
    ]
    messages.append({"type": "http.disconnect"})
    answers: list[int] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    scope = {
        "type": "http", "method": method, "path": f"/_stcore/upload_file/visit/{ID}", "query_string": b"",
        "headers": [(b"content-type", TYPE), (b"x-token", token.encode())],
    }  # fmt: skip
    try:
        asyncio.run(app(scope, receive, send))
    except Exception:
        assert not ends
    return answers[0] if answers else None


def staged() -> Path | None:
    return uploads.staged(SimpleNamespace(file_id=ID))  # type: ignore[arg-type]


def files() -> list[Path]:
    return list(uploads.uploads_folder().iterdir())


@pytest.fixture(autouse=True)
def fresh(data_folder: Path) -> None:
    seen.clear()
    uploads._STAGED.clear()


@pytest.mark.parametrize("content", [b"", b"a\n", b"\r\n------b0undar\r\n--" * 50, bytes(range(256)) * 9])
@pytest.mark.parametrize("step", [1, 64, 1_000_000])
def test_what_was_sent_lies_on_disk_and_the_app_sees_an_empty_file(content: bytes, step: int) -> None:
    assert ask("PUT", body_of(content), step=step) == 204
    assert seen == [(HARD.replace('"', "%22"), 0)]
    path = staged()
    assert path is not None
    assert path.read_bytes() == content
    assert path.name.isalnum()


def test_a_refused_upload_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("PUT", body_of(b"x"), token="forged") == 403
    assert ask("PUT", b"no form at all", step=5) == 400
    two_files = body_of(b"x").removesuffix(b"------b0undary--\r\n") + body_of(b"y")
    assert ask("PUT", two_files) == 400
    assert ask("PUT", body_of(b"x" * 500), ends=False) == 500  # to nobody
    monkeypatch.setattr(uploads, "_FRAME_BYTES", 600)
    monkeypatch.setattr(uploads.config, "get_option", lambda name: 0)
    assert ask("PUT", body_of(b"x" * 900)) == 413
    assert files() == []
    assert not uploads._STAGED


def test_an_upload_replaced_or_taken_away_is_deleted_but_not_one_that_a_load_took() -> None:
    ask("PUT", body_of(b"first"))
    ask("PUT", body_of(b"second"))
    assert [one.read_bytes() for one in files()] == [b"second"]
    assert ask("DELETE", b"") == 204
    assert files() == []
    ask("PUT", body_of(b"third"))
    path = staged()
    assert path is not None
    uploads.take(path)
    assert staged() is None
    assert ask("DELETE", b"") == 204
    assert files() == [path]

import asyncio

from persmark.ui.web import SECURITY_HEADERS, Headers


def answer_of(scope_type):
    sent = []

    async def app(scope, receive, send):
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
        )

    async def send(message):
        sent.append(message)

    asyncio.run(Headers(app)({"type": scope_type}, None, send))
    return {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}


def test_every_http_answer_carries_the_headers():
    found = answer_of("http")
    assert found["content-type"] == "text/plain"
    for name, value in SECURITY_HEADERS.items():
        assert found[name.lower()] == value


def test_other_scopes_pass_untouched():
    assert set(answer_of("websocket")) == {"content-type"}


def test_nothing_is_fetched_from_or_framed_by_others():
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "img-src 'self' data: blob:" in policy
    assert "http:" not in policy
    assert "https:" not in policy

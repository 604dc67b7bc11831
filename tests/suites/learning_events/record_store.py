"""Another learning record store: pages through its statements, wants Basic credentials, and may be killed into."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit


class RecordStoreDouble:
    """Serves `statements`, which are in the order in which they were stored, `page` of them at a time."""

    def __init__(self, statements: list[dict[str, Any]], page: int) -> None:
        self.statements = statements
        self.page = page
        self.asked: list[str] = []
        self.are_links_dead = False
        self.headers: dict[str, str] = {}
        self.on_request: Callable[[int], None] = lambda number: None

    def answer(self, path: str, authorization: str) -> tuple[int, Any]:
        self.asked.append(path)
        self.on_request(len(self.asked))
        if authorization != "Basic " + base64.b64encode(b"reader:secret").decode():
            return 401, {}
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/xapi/more":
            if self.are_links_dead:
                return 404, {}
            return 200, self._from(int(query["from"]))
        assert query["ascending"] == "true"
        since = query.get("since", "")
        later = [place for place, one in enumerate(self.statements) if one["stored"] > since]
        return 200, self._from(later[0] if later else len(self.statements))

    def _from(self, start: int) -> dict[str, Any]:
        end = start + self.page
        more = f"/xapi/more?from={end}" if end < len(self.statements) else ""
        return {"statements": self.statements[start:end], "more": more}


@contextmanager
def serving(double: RecordStoreDouble) -> Iterator[str]:
    """Serve the double, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, value = double.answer(self.path, self.headers.get("authorization", ""))
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            for name, text in double.headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/xapi"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

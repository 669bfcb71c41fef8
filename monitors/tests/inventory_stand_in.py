"""A company's server list for tests: a real server that answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "inventory-token"
Answer = Callable[[BaseHTTPRequestHandler], None]


def listing(*names: str, **changes: Any) -> list[dict[str, Any]]:
    defaults = {"host": "web.example.com", "port": 443, "type": 1, "environment": "LIVE"}
    return [{"host_name": name, **defaults, **changes} for name in names]


class Inventory:
    """The company's server list; `answer` is sent to every request that has the token."""

    def __init__(self) -> None:
        self.body: bytes = b"[]"
        self.answers: dict[str, Answer] = {}
        self.seen: list[str | None] = []
        inventory = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                inventory.seen.append(self.headers["Authorization"])
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    self.send_error(401)
                elif self.path in inventory.answers:
                    inventory.answers[self.path](self)
                else:
                    send(self, inventory.body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/servers"

    def lists(self, *servers: Any) -> None:
        self.body = json.dumps(servers).encode()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int = 0, location: str = "") -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(length or len(body)))
    if location:
        handler.send_header("Location", location)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def inventory_server() -> Iterator[Inventory]:
    stand_in = Inventory()
    yield stand_in
    stand_in.server.shutdown()
    stand_in.server.server_close()

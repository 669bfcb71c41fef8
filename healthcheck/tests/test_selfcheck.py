from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from healthcheck.selfcheck import problem

CHECKS = {"tick": {"ok": True}, "last_outcome": {"ok": False}}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ready = self.path == "/readyz"
        self.send_response(503 if ready else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"checks": CHECKS} if ready else {"host": self.headers["Host"]}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silence."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_process_that_answers_is_well(address):
    assert problem(address, []) == ""


def test_a_check_counts_for_itself(address):
    assert problem(address, ["tick"]) == ""
    assert problem(address, ["tick", "last_outcome"]) == "last_outcome is not ok"
    assert problem(address, ["renamed"]) == "renamed is not ok"


def test_silence_is_a_problem():
    assert "does not answer" in problem("http://127.0.0.1:1", [])

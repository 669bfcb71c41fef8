"""The yardstick: Prometheus with its blackbox_exporter, from Debian's packages, on the same targets.

It probes and stores samples, and does nothing else of what we do. What is compared is CPU per probe, in windows that
alternate with ours; see README.md.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.measure import System
from healthcheck.processes import dying_with_parent, end

PROMETHEUS, EXPORTER = "prometheus", "prometheus-blackbox-exporter"
PACKAGES = f"{PROMETHEUS} {EXPORTER}"
START_SECONDS = 30

MODULES = {
    "http_2xx": {"prober": "http", "timeout": "5s", "http": {"tls_config": {"insecure_skip_verify": True}}},
    # Its http prober hangs at a 101, so the opening handshake is spelt out for the tcp prober.
    "websocket": {
        "prober": "tcp",
        "timeout": "5s",
        "tcp": {
            "query_response": [
                {"send": "GET /hub/chat HTTP/1.1\r"},
                {"send": "Host: farm\r"},
                {"send": "Upgrade: websocket\r"},
                {"send": "Connection: Upgrade\r"},
                {"send": "Sec-WebSocket-Version: 13\r"},
                {"send": "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r"},
                {"send": "\r"},
                {"expect": "^HTTP/1.1 101"},
            ]
        },
    },
}


def installed() -> bool:
    return all(map(shutil.which, (PROMETHEUS, EXPORTER)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _configuration(targets: Sequence[str], module: str, interval: float, exporter_port: int) -> dict[str, object]:
    return {
        "global": {
            "scrape_interval": f"{round(1000 * interval)}ms",
            "scrape_timeout": f"{round(min(interval, 5) * 1000)}ms",
        },
        "scrape_configs": [
            {
                "job_name": "probe",
                "metrics_path": "/probe",
                "params": {"module": [module]},
                "static_configs": [{"targets": list(targets)}],
                "relabel_configs": [
                    {"source_labels": ["__address__"], "target_label": "__param_target"},
                    {"source_labels": ["__param_target"], "target_label": "instance"},
                    {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter_port}"},
                ],
            }
        ],
    }


@contextmanager
def running_peer(targets: Sequence[str], *, module: str, interval: float) -> Iterator[System]:
    """Both processes, probing `targets` (URLs) until the block ends."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peer-")))
        ports = {name: free_port() for name in (PROMETHEUS, EXPORTER)}
        # JSON is YAML.
        (directory / "exporter.yml").write_text(json.dumps({"modules": MODULES}))
        configuration = _configuration(targets, module, interval, ports[EXPORTER])
        (directory / "prometheus.yml").write_text(json.dumps(configuration))
        commands = {
            EXPORTER: ["--config.file=exporter.yml", "--log.level=error"],
            PROMETHEUS: [
                *("--config.file=prometheus.yml", "--storage.tsdb.path=samples", "--storage.tsdb.retention.time=1h"),
                "--log.level=error",
            ],
        }
        processes: list[subprocess.Popen[bytes]] = []
        stack.callback(lambda: end(processes, seconds=10))
        for name, options in commands.items():
            listen = f"--web.listen-address=127.0.0.1:{ports[name]}"
            line = [*dying_with_parent(), name, *options, listen]
            processes.append(subprocess.Popen(line, cwd=directory, start_new_session=True, stdin=subprocess.DEVNULL))
            _wait_for(f"http://127.0.0.1:{ports[name]}/-/healthy", processes[-1])
        yield System("peer", tuple(process.pid for process in processes), _label)


def _label(command: str) -> str:
    return "blackbox_exporter" if EXPORTER in command else "prometheus"


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{url} does not answer") from None
            time.sleep(0.1)
        else:
            return

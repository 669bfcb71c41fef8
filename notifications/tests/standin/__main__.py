"""The stand-in as a process, until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import signal

from notifications.tests.standin.server import Standin


async def serve(port: int) -> None:
    standin = Standin(port)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await standin.start()
    ends = f"Slack stand-in on {standin.url}, token {standin.token}, channel {standin.channel}"
    print(f"{ends} (control http://127.0.0.1:{standin.control_port})", flush=True)
    await ended.wait()
    await standin.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9000)
    asyncio.run(serve(parser.parse_args().port))

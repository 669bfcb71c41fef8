"""Serves every exhibit on its port, and the Slack page on its own."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from aiohttp import web

from healthcheck import settings
from healthcheck.demo import plan, slack, targets

logger = logging.getLogger(__name__)


async def serve(ports: dict[str, int]) -> None:
    """Until SIGINT or SIGTERM. A port that somebody else has taken meanwhile costs that one exhibit."""
    applications = {exhibit.name: targets.application(exhibit) for exhibit in plan.EXHIBITS}
    runners = []
    for name, application in {**applications, plan.SLACK: slack.application()}.items():
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        runners.append(runner)
        try:
            await web.TCPSite(runner, plan.HOST, ports[name]).start()
        except OSError as error:
            logger.error("%s has no port: %s is taken (%s)", name, ports[name], error.strerror)
    ended = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, ended.set)
    await ended.wait()
    await asyncio.gather(*(runner.cleanup() for runner in runners))


def main() -> int:
    logging.basicConfig(format="%(message)s")
    ports = plan.remembered_ports(settings.DATA_DIR)
    if ports is None:
        logger.error("there is no demonstration in %s", settings.DATA_DIR)
        return 1
    asyncio.run(serve(ports))
    return 0


if __name__ == "__main__":
    sys.exit(main())

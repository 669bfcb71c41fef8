"""The stand-in's HTTP side: reads a request, meets it with a fault or the workspace, writes it down, answers."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from aiohttp import web

from notifications.tests.standin.faults import KEEPS, Fault, Faults, Kind, Limiter, Pace
from notifications.tests.standin.ledger import Ledger
from notifications.tests.standin.rules import RefusedError, check_message
from notifications.tests.standin.socket import OPEN, RESPONSE, Socket
from notifications.tests.standin.workspace import Arguments, Workspace

WEBHOOK = "webhook"
SWALLOWED = frozenset({Kind.RECORD_THEN_CUT, Kind.RECORD_THEN_HANG, Kind.RECORD_LATE})
"""With these nothing is answered."""
PACED = frozenset({"chat.postMessage", WEBHOOK})
HOOK_STATUS = {"no_service": 404, "no_team": 404, "channel_not_found": 404, "no_active_hooks": 404} | {
    "action_prohibited": 403,
    "posting_to_general_channel_denied": 403,
    "invalid_token": 403,
    "channel_is_archived": 410,
    "rollup_error": 500,
}
"""Other codes come with 400."""


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    channel: str
    arguments: Arguments
    refusal: str = ""
    """Why the request as such is refused, before the method looks at it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: str
    status: int = 200
    body: dict[str, Any] | str = "ok"
    ts: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Standin:
    """Listens on `port` (0 = any free one) of this machine, in a thread of its own, from `with` to its end.

    On `control_port`, any free one, it answers even while it refuses connections on the other.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.control_port = 0
        self.workspace = Workspace()
        self.ledger = Ledger()
        self.faults = Faults()
        self.limiter = Limiter()
        self.socket = Socket(self._run)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._noted = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def token(self) -> str:
        return self.workspace.token

    @property
    def channel(self) -> str:
        """The id of a channel that takes messages."""
        return next(channel.id for channel in self.workspace.channels.values() if channel.name == "alerts")

    def hook_url(self, path: str = "T0001/B0001/secret") -> str:
        """Every path of three parts is a webhook; it is the `channel` of what is posted there."""
        return f"{self.url}/services/{path}"

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="standin", daemon=True)
        self._thread.start()
        self._run(self.start())
        return self

    def __exit__(self, *_exc: object) -> None:
        self._run(self.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def refuse(self) -> None:
        """Stop listening: connections are refused until `accept`."""
        self._run(self.stop_listening())

    def accept(self) -> None:
        self._run(self.listen())

    def _run(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=5)

    async def start(self) -> None:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._answer_api),
                web.post("/services/{hook:[^/]+/[^/]+/[^/]+}", self._answer_hook),
                web.post("/actions/{hook:[^/]+/[^/]+/[^/]+}", self._answer_response),
                web.get("/link/", self.socket.serve),
                web.get("/ledger", self._show_ledger),
                web.post("/mode", self._set_mode),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        await self.listen()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.control_port = self._runner.addresses[-1][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def listen(self) -> None:
        if self._runner is None or self._site is not None:
            return
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await self._site.start()
        self.port = self._runner.addresses[-1][1]

    def listen_tls(self, context: ssl.SSLContext) -> int:
        """Listen with TLS as well; returns the port."""

        async def listen() -> None:
            if self._runner is not None:
                await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()

        self._run(listen())
        return int(self._runner.addresses[-1][1]) if self._runner is not None else 0

    async def stop_listening(self) -> None:
        if self._site is not None:
            await self._site.stop()
            self._site = None

    async def _answer_api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments, malformed = await _read_arguments(request)
        arguments = {**request.query, **arguments}
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or str(arguments.get("token", ""))
        known = {self.token, self.socket.app_token}
        refusal = "not_authed" if not token else "invalid_auth" if token not in known else malformed
        if token in known and (token == self.socket.app_token) != (method == OPEN):
            refusal = "not_allowed_token_type"
        return await self._answer(request, Call(method, str(arguments.get("channel", "")), arguments, refusal))

    async def _answer_hook(self, request: web.Request) -> web.StreamResponse:
        arguments, malformed = await _read_arguments(request)
        refusal = "invalid_payload" if malformed else ""
        return await self._answer(request, Call(WEBHOOK, request.match_info["hook"], arguments, refusal))

    async def _answer_response(self, request: web.Request) -> web.StreamResponse:
        arguments, malformed = await _read_arguments(request)
        return await self._answer(request, Call(RESPONSE, request.match_info["hook"], arguments, malformed))

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        fault = self.faults.take(call.method, call.channel)
        if fault is not None and fault.kind is Kind.RECORD_LATE:
            asyncio.get_running_loop().call_later(fault.seconds, self._record, call, fault)
            verdict = Verdict("record_late")
        else:
            verdict = self._record(call, fault)
        if fault is not None:
            await _delay(request, fault)
        if isinstance(verdict.body, str):
            response = web.Response(status=verdict.status, text=verdict.body, headers=verdict.headers)
        else:
            response = web.json_response(verdict.body, status=verdict.status, headers=verdict.headers)
        response.force_close()
        return response

    def _record(self, call: Call, fault: Fault | None) -> Verdict:
        """What is answered, written down first."""
        verdict = self._judge(call, fault)
        swallowed = fault is not None and fault.kind in SWALLOWED
        self.ledger.append(
            method=call.method,
            channel=call.channel,
            text=str(call.arguments.get("text") or ""),
            blocks=call.arguments.get("blocks") or [],
            metadata=call.arguments.get("metadata") or {},
            thread_ts=str(call.arguments.get("thread_ts") or ""),
            ts=verdict.ts,
            outcome=fault.kind.value if fault and swallowed else verdict.outcome,
        )
        noted, self._noted = self._noted, asyncio.Event()
        noted.set()
        return verdict

    def _judge(self, call: Call, fault: Fault | None) -> Verdict:
        """What is answered, after the message has been kept or not."""
        if fault is None and call.method in PACED and (wait := self.limiter.wait(call.channel)):
            fault = Fault(Kind.RATE_LIMITED, seconds=wait)
        if fault is None or fault.kind in KEEPS:
            kept = self._perform(call)
            if fault is None or fault.kind is not Kind.RECORD_THEN_ERROR:
                return kept
            told = self._refuse(call, fault.code, status=200)
            return Verdict(told.outcome, told.status, told.body, ts=kept.ts)
        match fault.kind:
            case Kind.RATE_LIMITED:
                refused = self._refuse(call, "ratelimited" if call.method != WEBHOOK else "rate_limited", status=429)
                return Verdict(refused.outcome, 429, refused.body, headers={"Retry-After": str(int(fault.seconds))})
            case Kind.STATUS:
                return Verdict(f"http_{fault.status}", fault.status, "<html>Server trouble</html>")
            case Kind.CUT_BEFORE_RECORD:
                return Verdict(fault.kind.value)
        more: dict[str, Any] = {"needed": fault.needed} if fault.needed else {}
        return self._refuse(call, fault.code, **more)

    def _perform(self, call: Call) -> Verdict:
        try:
            if call.refusal:
                raise RefusedError(call.refusal)
            if call.method == WEBHOOK:
                check_message(call.arguments.get("text"), call.arguments.get("blocks"))
                return Verdict("ok", ts=self.workspace.next_ts())
            if call.method == RESPONSE:
                return Verdict("ok")
            if call.method == OPEN:
                return Verdict("ok", body=self.socket.issue(self.port))
            payload = self.workspace.call(call.method, call.arguments)
        except RefusedError as refused:
            return self._refuse(call, refused.code, **refused.more)
        headers = {"X-OAuth-Scopes": ",".join(sorted(self.workspace.scopes))}
        return Verdict("ok", body=payload, ts=payload.get("ts", ""), headers=headers)

    def _refuse(self, call: Call, code: str, *, status: int = 0, **more: Any) -> Verdict:
        """The Web API refuses with 200 and JSON, a webhook with a status and the bare code."""
        if call.method == WEBHOOK:
            return Verdict(code, status or HOOK_STATUS.get(code, 400), code)
        return Verdict(code, status or 200, {"ok": False, "error": code, **more})

    async def _show_ledger(self, request: web.Request) -> web.Response:
        """`?after=7&wait=2`: from the eighth entry on, and when there is none yet, as soon as there is one."""
        after = int(request.query.get("after", "0"))
        if not (entries := self.ledger.entries(after)):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._noted.wait(), float(request.query.get("wait", "0")))
            entries = self.ledger.entries(after)
        return web.json_response([asdict(entry) for entry in entries])

    async def _set_mode(self, request: web.Request) -> web.Response:
        """`{"kind": "status", "status": 503, "channel": "C1", "times": 3}`, `{"kind": "ok"}`,
        `{"kind": "refuse", "seconds": 5}`, `{"pace": "strict"}`, `{"scopes": ["chat:write"]}`."""
        mode = await request.json()
        if "pace" in mode:
            self.limiter.pace = Pace(mode["pace"])
        if "scopes" in mode:
            self.workspace.scopes = set(mode["scopes"])
        match mode.get("kind"):
            case None:
                pass
            case "ok":
                self.faults.clear(mode.get("channel", ""), mode.get("method", ""))
            case "refuse":
                loop = asyncio.get_running_loop()
                await self.stop_listening()
                loop.call_later(mode["seconds"], lambda: loop.create_task(self.listen()))
            case kind:
                self.faults.set(Fault(**{**mode, "kind": Kind(kind)}))
        return web.json_response({"ok": True})


async def _read_arguments(request: web.Request) -> tuple[Arguments, str]:
    """From JSON or a form, in which blocks and metadata are JSON texts; and Slack's code for what cannot be read."""
    try:
        if request.content_type == "application/json":
            arguments = json.loads(await request.text() or "{}")  # a method without arguments has no body
        else:
            arguments = dict(await request.post())
            arguments |= {name: json.loads(arguments[name]) for name in {"blocks", "metadata"} & arguments.keys()}
    except ValueError:
        return {}, "invalid_json"
    return (arguments, "") if isinstance(arguments, dict) else ({}, "json_not_object")


async def _delay(request: web.Request, fault: Fault) -> None:
    """What comes between the note in the ledger and the answer."""
    match fault.kind:
        case Kind.SLOW:
            await asyncio.sleep(fault.seconds)
        case Kind.RECORD_THEN_HANG:
            await asyncio.Event().wait()  # until the client leaves or the stand-in stops
        case Kind.RECORD_THEN_CUT | Kind.CUT_BEFORE_RECORD | Kind.RECORD_LATE if request.transport is not None:
            request.transport.abort()

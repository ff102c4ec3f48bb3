"""Stands between the prober and a service and writes down every request, so that its manners can be judged."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Seen:
    method: str
    path: str
    agent: str
    body: int
    credential: bool


@dataclass
class Witness:
    """Forwards to `port`; `seen` is what came."""

    port: int
    seen: list[Seen] = field(default_factory=list)

    def __enter__(self) -> Witness:
        witness = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                credential = any(name in self.headers for name in ("authorization", "cookie"))
                witness.seen.append(Seen(self.command, self.path, self.headers.get("user-agent", ""), length, credential))
                link = http.client.HTTPConnection("127.0.0.1", witness.port, timeout=20)
                link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("connection",):
                        link.putheader(name, value)
                link.endheaders(body or None)
                answer = link.getresponse()
                text = answer.read()
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length", "keep-alive"):
                        self.send_header(name, value)
                self.send_header("content-length", answer.getheader("content-length") or str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)
                link.close()

            def log_message(self, *_: object) -> None:
                pass

            do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = do_PATCH = do_DELETE = do_TRACE = forward

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

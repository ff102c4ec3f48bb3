"""Proxies in front of one and the same small service: how each is set up, plainly and with every layer."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .client import Client
from .peers import HERE
from .processes import Child, Failure, free_port, run, wait_for

# The answer of the service behind: as small as a real JSON answer gets.
ANSWER = '{"id":1,"name":"The Comets","genre":"rock","formed":1974,"about":"' + "x" * 180 + '"}'
KEY = "Bearer bench-key-of-the-others"

# What Plimsoll writes on every answer, so that the others write as much.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Content-Security-Policy": "object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass
class Site:
    """What every proxy gets to work with."""

    home: Path
    cpus: Sequence[int]
    upstream: int
    plimsoll: Path
    workers: int


class Front(ABC):
    """One proxy, in one of two cases: `plain` (log and limits) or `layers` (key and headers besides)."""

    name: str
    authorization = KEY

    def folder(self, site: Site, case: str) -> Path:
        folder = site.home / f"{self.name}-{case}"
        folder.mkdir(exist_ok=True)
        return folder

    @abstractmethod
    def start(self, site: Site, case: str, port: int) -> Child: ...

    def ready(self, site: Site, case: str) -> tuple[Child, int]:
        port = free_port()
        child = self.start(site, case, port)
        try:
            wait_for(lambda: Client(port, self.authorization).answers("/item"), child)
            stranger = Client(port).ask("GET", "/item").status
            if stranger != (401 if case == "layers" else 200):
                raise Failure(f"{self.name} answers {stranger} to a request without a key in the case {case}")
        except BaseException:
            child.stop()
            raise
        return child, port


class Nginx(Front):
    name = "nginx"

    def start(self, site: Site, case: str, port: int) -> Child:
        folder = self.folder(site, case)
        layers = case == "layers"
        headers = "\n".join(f'add_header {name} "{value}" always;' for name, value in HEADERS.items()) if layers else ""
        known = f'map $http_authorization $known {{ default 0; "{KEY}" 1; }}' if layers else ""
        asks = "if ($known = 0) { return 401; }" if layers else ""
        # As Plimsoll does: lines go to a file through a buffer.
        text = f"""
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes {site.workers};
events {{ worker_connections 1024; }}
http {{
  log_format json escape=json '{{"time":"$time_iso8601","request_id":"$request_id","remote":"$remote_addr","method":"$request_method",'
    '"path":"$uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,"agent":"$http_user_agent"}}';
  access_log {folder}/access.log json buffer=64k flush=1s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 100000000; server_tokens off;
  limit_req_zone $binary_remote_addr zone=address:1m rate=1000000r/s;
  limit_conn_zone $binary_remote_addr zone=open:1m;
  {known}
  upstream service {{ server 127.0.0.1:{site.upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    limit_req zone=address burst=100000 nodelay; limit_conn open 10000;
    location / {{
      {asks}
      proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Request-Id $request_id;
      {headers}
      {'add_header X-Request-Id $request_id always;' if layers else ''}
    }}
  }}
}}
"""
        (folder / "nginx.conf").write_text(text)
        return Child(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], folder / "out.log", site.cpus, {})


class Haproxy(Front):
    name = "haproxy"

    def start(self, site: Site, case: str, port: int) -> Child:
        folder = self.folder(site, case)
        layers = case == "layers"
        lines = []
        if layers:
            lines.append(f'http-request deny deny_status 401 unless {{ req.hdr(Authorization) -m str "{KEY}" }}')
            for name, value in HEADERS.items():
                lines.append(f'http-response set-header {name} "{value}"')
            lines += ["unique-id-format %[uuid()]", "unique-id-header X-Request-Id", 'http-response set-header X-Request-Id "%[unique-id]"']
        extra = "\n  ".join(lines)
        text = f"""
global
  nbthread {site.workers}
  maxconn 4096
  log stdout format raw local0
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 30s
  option http-keep-alive
  http-reuse always
frontend door
  bind 127.0.0.1:{port}
  log global
  log-format '{{"time":"%tr","remote":"%ci","method":"%HM","path":"%HP","status":%ST,"bytes":%B,"millis":%Ta}}'
  stick-table type ip size 1m expire 60s store http_req_rate(10s),conn_cur
  http-request track-sc0 src
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 100000000 }}
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Real-IP %[src]
  {extra}
  default_backend service
backend service
  server one 127.0.0.1:{site.upstream} pool-max-conn 256
"""
        (folder / "haproxy.cfg").write_text(text)
        return Child(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], folder / "access.log", site.cpus, {})


class Plimsoll(Front):
    name = "plimsoll"

    def start(self, site: Site, case: str, port: int) -> Child:
        folder = self.folder(site, case)
        data = folder / "data"
        binary = str(site.plimsoll)
        env = {
            "PLIMSOLL_SERVICE__URL": f"http://127.0.0.1:{site.upstream}",
            # Like every limit here: in place, and out of reach. A busy machine looks like a slow service.
            "PLIMSOLL_RESILIENCE__READ_PLACES": "1024",
            "PLIMSOLL_RESILIENCE__WRITE_PLACES": "1024",
            "PLIMSOLL_RESILIENCE__LEAST_PLACES": "256",
            "PLIMSOLL_ROUTES__DEFAULT": "authenticated" if case == "layers" else "public: the plain case of a benchmark",
        }
        if case == "layers":
            command = ["--data", str(data), "--config", str(HERE / "plimsoll.toml"), "--json"]
            if not data.exists():
                run([binary, "tenant", "create", "bench", *command])
            made = run([binary, "key", "create", "--tenant", "bench", "--role", "editor", *command])
            self.authorization = "Bearer " + json.loads(made)["key"]
        arguments = ["serve", "--data", str(data), "--config", str(HERE / "plimsoll.toml")]
        arguments += ["--listen", f"127.0.0.1:{port}", "--ops-listen", f"127.0.0.1:{free_port()}"]
        return Child([binary, *arguments], folder / "access.log", site.cpus, env)


FRONTS: dict[str, type[Front]] = {front.name: front for front in (Nginx, Haproxy, Plimsoll)}


def upstream(home: Path, cpus: Sequence[int]) -> tuple[Child, int]:
    """The service: nginx with one worker that answers from memory and logs nothing."""
    port, folder = free_port(), home / "upstream"
    folder.mkdir()
    text = f"""
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 100000000; server_tokens off; default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} backlog=1024; client_max_body_size 0; location / {{ return 200 '{ANSWER}'; }} location /large {{ root {folder}; }} }}
}}
"""
    (folder / "nginx.conf").write_text(text)
    (folder / "large").write_bytes(b"0123456789abcdef" * (1 << 16))
    child = Child(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], folder / "out.log", cpus, {})
    wait_for(lambda: Client(port).answers("/item"), child)
    return child, port


def environment(authorization: str, posts: float = 0, large: float = 0, delay: float = 0) -> dict[str, str]:
    """What `proxy.lua` reads: shares of the requests and milliseconds between two on one connection."""
    return {
        "BENCH_AUTHORIZATION": authorization,
        "BENCH_POSTS": str(posts),
        "BENCH_LARGE": str(large),
        "BENCH_DELAY": str(delay),
    }

"""A service to be supervised: it says what it was given, and misbehaves on request."""

import http.server
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

MODE = sys.argv[1] if len(sys.argv) > 1 else "plain"
HERE = Path(os.environ.get("PLACE", "."))


def heard(number, _frame):
    print(f"heard {signal.Signals(number).name}", flush=True)
    if number == signal.SIGTERM and MODE != "stubborn":
        sys.exit(0)


def wait_for(name):
    while not (HERE / name).exists():
        time.sleep(0.01)


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        status, answer = 200, {"pid": os.getpid()}
        if path == "/given":
            answer["port"] = os.environ.get("PORT")
            answer["host"] = os.environ.get("HOST")
            answer["arguments"] = sys.argv[1:]
            answer["ours"] = [name for name in os.environ if name.startswith("PLIMSOLL_")]
            answer["stdin"] = sys.stdin.read()
        elif path == "/slow":
            print("slow begun", flush=True)
            wait_for("release")
        elif path == "/ready":
            status = 200 if (HERE / "open").exists() else 503
        elif path == "/family":
            tame = subprocess.Popen(["sleep", "1000"])
            wild = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            # Its parent ends at once: nobody here knows it any more.
            shell = "sleep 1000 >/dev/null 2>&1 & echo $!"
            lost = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, start_new_session=True)
            answer["family"] = [tame.pid, wild.pid, int(lost.stdout)]
        elif path == "/print":
            lines = (HERE / "lines").read_bytes()
            stream = sys.stderr if query == "err" else sys.stdout
            stream.buffer.write(lines)
            stream.flush()
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


for name in ("SIGTERM", "SIGUSR1", "SIGUSR2", "SIGHUP"):
    signal.signal(getattr(signal, name), heard)

if MODE == "broken":
    print("reading the settings, password=hunter2", flush=True)
    raise ValueError("a setting is missing")
if MODE == "deaf":
    while True:
        time.sleep(1)
port = 0 if MODE == "elsewhere" else int(os.environ["PORT"])
address = "0.0.0.0" if MODE == "open" else "127.0.0.1"
http.server.ThreadingHTTPServer((address, port), Answers).serve_forever()

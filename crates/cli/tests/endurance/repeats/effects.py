"""A service with effects that outlive it: every one is a line in a file, flushed before the answer."""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, path = int(sys.argv[1]), sys.argv[2]
turn = threading.Lock()


def effect(name):
    with turn:
        with open(path, "a+b") as book:
            book.seek(0)
            number = len(book.read().splitlines()) + 1
            book.write(name.encode() + b"\n")
            book.flush()
            os.fsync(book.fileno())
            return number


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        name = asked.get("name", "")
        time.sleep(asked.get("before", 0) / 1000)
        kind = self.path.split("?")[0].rsplit("/", 1)[-1]
        if kind == "conflict":
            return self.answer(409, {"said": "no"})
        if kind == "busy":
            return self.answer(503, {"said": "later"}, Retry_After="1")
        number = effect(name)
        time.sleep(asked.get("after", 0) / 1000)
        body = {"name": name, "number": number}
        if kind == "effect":
            return self.answer(201, body, Location=f"/effects/{number}", X_Total_Count=str(number))
        if kind == "error":
            return self.answer(500, body)
        if kind == "cookie":
            return self.answer(200, body, Set_Cookie="session=s; HttpOnly")
        if kind == "large":
            return self.answer(200, {**body, "filling": "x" * 400_000})
        if kind == "stream":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"data: %d\n\n" % number)
            self.close_connection = True
            return None
        if kind == "half":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
        # What is left breaks off, with or without a beginning.
        self.close_connection = True
        return None

    do_PUT = do_PATCH = do_POST


def end_with_the_test():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_the_test, daemon=True).start()
ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()

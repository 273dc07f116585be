"""A web server that alerts are posted to, and a program that is run for them."""
import http.server
import json
import os
import ssl
import threading

from .proc import wait_for


class Hooks:
    """Keeps what is posted; answers with `status`, or with those of `statuses` first, once `gate` is open."""

    def __init__(self, address=("127.0.0.1", 0), certificate=None):
        self.posted, self.paths = [], []
        self.status, self.statuses = 200, []
        self.goes_on = False  # says 100 Continue first
        self.gate = threading.Event()
        self.gate.set()
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hooks.gate.wait(60)
                status = hooks.statuses.pop(0) if hooks.statuses else hooks.status
                if status == 200:
                    hooks.posted.append(json.loads(body))
                hooks.paths.append(self.path)
                if hooks.goes_on:
                    self.send_response_only(100)
                    self.end_headers()
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(address, Handler)
        self._server.handle_error = lambda *_: None  # handshakes that fail
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def of(self, kind):
        return [alert for alert in list(self.posted) if alert["alert"] == kind]

    def wait(self, kind, count=1, timeout=30.0):
        """The alerts of that kind, once there are so many."""
        wait_for(lambda: len(self.of(kind)) >= count, f"{count} alerts {kind}; there are {[alert['alert'] for alert in self.posted]}", timeout)
        return self.of(kind)

    def stop(self):
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Pager:
    """A program that keeps what it is told, each alert in a file of its own."""

    def __init__(self, folder):
        self.path, self._pages = os.path.join(folder, "page-me"), os.path.join(folder, "pages")
        os.mkdir(self._pages, 0o777)
        self.does("")

    def does(self, end):
        """What it does when it has kept it."""
        with open(self.path, "w") as file:
            file.write(f"#!/bin/sh\nfile=$(mktemp {self._pages}/.XXXXXX)\n{{ echo \"$POSTERN_ALERT\"; echo \"$POSTERN_MESSAGE\"; cat; }} >$file\n"
                       f"mv $file {self._pages}/$$.$POSTERN_ALERT\n{end}\n")
        os.chmod(self.path, 0o755)

    def pages(self, kind):
        """(message, JSON) of each of that kind."""
        found = []
        for name in os.listdir(self._pages):
            if name.endswith("." + kind):
                with open(os.path.join(self._pages, name)) as file:
                    told, message, body = file.read().split("\n", 2)
                if told != kind:
                    raise AssertionError(f"{name} is of {told}")
                found.append((message, json.loads(body)))
        return found

    def wait(self, kind):
        return wait_for(lambda: self.pages(kind), f"a page of {kind}")

# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A way to a dealer on which the answer to a load of orders can get lost."""

import threading
import urllib.request
import xmlrpc.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def name_request(path, body):
    """Return what a request asks: ``sale.order/load``, or the last part of its path."""
    if path.startswith("/json/2/"):
        return path.removeprefix("/json/2/")
    if path.endswith("/object"):
        params, _method = xmlrpc.client.loads(body)
        return "/".join(params[3:5])
    if path.endswith("/common"):
        return xmlrpc.client.loads(body)[1]
    return path.rpartition("/")[2]


class AnswerRelay:
    """Forwards HTTP to a dealer; calls ``after_load`` when the dealer has answered an order load.

    ``after_load`` runs before the answer is passed on, and returns whether to pass it on at all.
    ``refuse`` is called with what is asked (``sale.order/load``); where it returns a status and
    heads, these are the answer, and the dealer is not asked.

    :ivar asked: what was asked, in the order in which it was
    """

    def __init__(self, dealer, after_load=lambda: True, refuse=lambda asked: None):
        relay = self
        self.dealer = dealer
        self.after_load = after_load
        self.refuse = refuse
        self.asked = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.relay(None)

            def do_POST(self):
                self.relay(self.rfile.read(int(self.headers["Content-Length"])))

            def relay(self, body):
                asked = name_request(self.path, body)
                relay.asked.append(asked)
                if refusal := relay.refuse(asked):
                    self.pass_on(*refusal, b"<h1>Too Many Requests</h1>")
                    return
                headers = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() not in ("host", "connection", "accept-encoding")
                }
                request = urllib.request.Request(relay.dealer.url + self.path, body, headers)
                with urllib.request.urlopen(request, timeout=30) as answer:
                    content, kind = answer.read(), answer.headers["Content-Type"]
                text = (body or b"") + self.path.encode()
                if b"sale.order" in text and b"load" in text and not relay.after_load():
                    self.close_connection = True
                    return
                self.pass_on(200, {"Content-Type": kind}, content)

            def pass_on(self, status, headers, content):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self.server.shutdown()
        self.server.server_close()

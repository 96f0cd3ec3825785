# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A small proxy on 127.0.0.1: tunnels by CONNECT, and forwards plain http."""

import base64
import http.client
import socket
import ssl
import threading
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """Stay quiet: connections are cut in the middle on purpose."""


class ConnectProxy:
    """A proxy, as a context manager.

    :param credentials: ``user:password`` that it asks for, None for nobody's
    :param status: it answers each request with this HTTP status instead of passing it on
    :param names: ``{host: address}``: what its own look-up of names says
    :param certificate: paths of (certificate, key) to be spoken to by https
    :ivar asked: first line of each request, in order
    """

    def __init__(self, credentials=None, status=None, names=None, certificate=None):
        self.credentials = credentials
        self.status = status
        self.names = names or {}
        self.certificate = certificate
        self.asked = []
        # hang up without an answer
        self.silent = False

    @property
    def address(self):
        host, port = self._server.server_address
        return f"{host}:{port}"

    @property
    def url(self):
        scheme = "https" if self.certificate else "http"
        login = f"{self.credentials}@" if self.credentials else ""
        return f"{scheme}://{login}{self.address}"

    @property
    def hosts(self):
        """Return the hosts and ports to which it was asked to tunnel."""
        lines = [line.split() for line in self.asked]
        return [target for method, target, _version in lines if method == "CONNECT"]

    def __enter__(self):
        proxy = self

        class Handler(StreamRequestHandler):
            def handle(self):
                proxy._handle(self)

        self._server = _Server(("127.0.0.1", 0), Handler)
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.daemon = True
        thread.start()
        return self

    def __exit__(self, *exc_info):
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, handler):
        while line := handler.rfile.readline().decode("latin-1").strip():
            headers = []
            while header := handler.rfile.readline().strip():
                headers.append(header.decode("latin-1"))
            self.asked.append(line)
            if self.silent:
                return
            if not self._is_let_in(headers):
                self._answer(handler, "407 Proxy Authentication Required")
                return
            if self.status:
                self._answer(handler, f"{self.status} No")
                return
            method, target, _version = line.split()
            if method == "CONNECT":
                self._tunnel(handler, target)
                return
            self._forward(handler, method, target, headers)

    def _is_let_in(self, headers):
        if not self.credentials:
            return True
        expected = base64.b64encode(self.credentials.encode()).decode()
        return f"Proxy-Authorization: Basic {expected}" in headers

    @staticmethod
    def _answer(handler, status):
        handler.wfile.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    def _connect(self, host, port):
        return socket.create_connection((self.names.get(host, host), port), timeout=10)

    def _tunnel(self, handler, target):
        host, _colon, port = target.rpartition(":")
        with self._connect(host.strip("[]"), int(port)) as upstream:
            handler.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(
                target=self._pump, args=(upstream.recv, handler.connection.sendall)
            )
            back.daemon = True
            back.start()
            self._pump(handler.connection.recv, upstream.sendall)

    @staticmethod
    def _pump(read, write):
        with suppress(OSError):
            while data := read(65536):
                write(data)

    def _forward(self, handler, method, target, headers):
        parts = urlsplit(target)
        headers = dict(header.split(": ", 1) for header in headers)
        body = handler.rfile.read(int(headers.get("Content-Length", 0)))
        upstream = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        upstream.request(method, parts.path, body, headers)
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        lines += [f"{name}: {value}" for name, value in answer.getheaders()]
        handler.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + data)

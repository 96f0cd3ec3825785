# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A way to a server that can be made to hang: what is sent arrives nowhere, nothing comes back."""

import contextlib
import itertools
import socket
import socketserver
import threading

_CHUNK = 65536


class Relay:
    """An address of 127.0.0.1 of its own that passes connections on to a dealer's server.

    With many of them one dealer's server plays many dealers. To connect a dealership it is as good
    as the dealer itself (``url``, ``database``, ``login``, ``api_key``)::

        with Relay(dealer) as relay:
            dealership = bpo.connect(relay)
            relay.hang()

    :param dealer: the :class:`~devlib.world.Dealer`
    """

    def __init__(self, dealer):
        self.target = ("127.0.0.1", dealer.port)
        self.database, self.login, self.api_key = dealer.database, dealer.login, dealer.api_key
        self._open()

    def _open(self):
        self.connections = set()
        self._hanging = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.relay = self

    @property
    def url(self):
        """Return the address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def connect(self):
        """Return a new connection to where this one is passed on to."""
        return socket.create_connection(self.target)

    @property
    def is_hanging(self):
        """Whether what is sent is taken and never answered."""
        return self._hanging.is_set()

    def hang(self):
        """Take what is sent from now on, on open connections too, and never answer."""
        self._hanging.set()

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self._server.shutdown()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()


class Balancer(Relay):
    """One address in front of several servers: each connection goes to the next that takes it."""

    def __init__(self):
        self.servers = []
        self._turns = itertools.count()
        self._open()

    @property
    def port(self):
        """Return the port."""
        return self._server.server_address[1]

    def connect(self):
        """Return a new connection to one of the servers.

        :raise ConnectionRefusedError: none of them takes it
        """
        turn = next(self._turns)
        for number in range(len(self.servers)):
            server = self.servers[(turn + number) % len(self.servers)]
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection(("127.0.0.1", server.port))
        raise ConnectionRefusedError("No server takes connections.")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


class _Handler(socketserver.BaseRequestHandler):
    def handle(self):
        """Pass on in both directions until one side has ended."""
        relay = self.server.relay
        try:
            onward = relay.connect()
        except ConnectionRefusedError:
            # as from outside: the connection ends
            return
        with onward:
            ends = {self.request, onward}
            relay.connections |= ends
            back = threading.Thread(target=self._pass, args=(onward, self.request), daemon=True)
            back.start()
            self._pass(self.request, onward)
            back.join()
            relay.connections -= ends

    def _pass(self, source, target):
        """Pass on what comes from one side; what comes while hanging is dropped."""
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if not self.server.relay.is_hanging:
                    target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""HTTP to one dealer: bounded in time and size, never sent twice, only to checked addresses."""

import http.client
import http.cookiejar
import re
import socket
import ssl
import threading
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, SSLError
from urllib3.util.retry import Retry
from urllib3.util.ssl_match_hostname import CertificateError

from .address import DEFAULT_PORTS, check_url, resolve
from .certificates import make_context
from .errors import (
    DealerAccessRefused,
    DealerAddressRefused,
    DealerBadAnswer,
    DealerError,
    DealerSlowDown,
    DealerUnreachable,
)
from .pace import SLOW_DOWN, Pace, read_retry_after
from .proxy import parse_proxy
from .untrusted import TEXT_LIMIT, clean_text

USER_AGENT = "bpo_crm"
TOO_MANY = 429
BUSY_STATUSES = frozenset((TOO_MANY, 502, 503, 504))
_CERTIFICATE_ERRORS = (ssl.SSLCertVerificationError, CertificateError)
_CHUNK = 64 * 1024
# Seconds by which a timeout may come early
_ALMOST = 0.05
# A clock further off than this is none.
_MAX_OFFSET = timedelta(days=366)


def utcnow():
    """Return the moment by our clock, naive UTC, as Odoo keeps moments."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class HttpAnswer:
    """A complete HTTP answer that was not refused for its form."""

    status: int
    content_type: str
    body: bytes
    # When it was written by the server's clock, naive UTC; None when the server does not say
    date: datetime | None = None


class _Watch:
    """Follow one request: was it sent, and is its time over?

    A socket's timeout restarts with each byte that arrives, so a server that drips its answer
    (or its TLS handshake) could hold us for ever. When the time is over the connection is cut
    from outside, whatever the code that waits for it is doing. A duplicate of the socket is
    kept for that, because wrapping a socket for TLS takes the original away.
    """

    def __init__(self, connect_timeout, allow_private):
        self.connect_timeout = connect_timeout
        self.allow_private = allow_private
        self.sent = False
        self.expired = False
        self._lock = threading.Lock()
        self._handle = None
        self._timer = None
        self._end = float("inf")

    @property
    def _may_be_private(self):
        """Tell whether what is connected to may have a private address."""
        return self.allow_private

    def start(self, seconds):
        """Begin to watch a request, which has so many seconds."""
        self.sent = False
        self.expired = False
        self._end = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def stop(self):
        """End the watch: the request is over."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def close(self):
        """Let go of the connection."""
        self.stop()
        self._keep(None)

    def connect(self, host, port, socket_options):
        """Open a connection to a checked address of the host.

        The address that was checked is the one connected to: there is no second look-up that
        could give another answer. The certificate is still verified for the name. Neither the
        look-up of the name nor the connection goes on beyond the time of the request.
        """
        end = min(time.monotonic() + self.connect_timeout, self._end)
        addresses = resolve(host, port, self._may_be_private, end - time.monotonic())
        failure = None
        for family, sockaddr in addresses:
            remaining = end - time.monotonic()
            if remaining <= 0 or self.expired:
                failure = "connect_timeout"
                break
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                for option in socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(remaining)
                sock.connect(sockaddr)
            except OSError as error:
                sock.close()
                failure = _connect_failure(error)
                continue
            self._keep(sock.dup())
            return sock
        raise DealerUnreachable(failure, host=host)

    def _keep(self, handle):
        with self._lock:
            handle, self._handle = self._handle, handle
        if handle:
            handle.close()

    def _expire(self):
        with self._lock:
            self.expired = True
            if self._handle:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # The peer was faster: nothing is left to cut.
                    return


class _ProxyWatch(_Watch):
    """Follow requests that go through a proxy.

    The proxy may be in our own network, the dealer's server may not: that is checked before the
    proxy is asked. Which server it connects to it decides itself, by its own look-up of the name;
    names that only the proxy knows are left to it.

    :param proxy: the ``Proxy``
    :param target: host and port of the dealer's server
    """

    _may_be_private = True

    def __init__(self, connect_timeout, allow_private, proxy, target):
        super().__init__(connect_timeout, allow_private)
        self.proxy = proxy
        self.target = target

    def connect(self, host, port, socket_options):
        """Open a connection to the proxy, once the dealer's address is checked."""
        with suppress(DealerUnreachable):
            resolve(*self.target, self.allow_private, min(self.connect_timeout, self._left) / 2)
        failure = None
        try:
            return super().connect(host, port, socket_options)
        except (DealerUnreachable, DealerAddressRefused):
            failure = self.fail()
        raise failure

    @property
    def _left(self):
        return max(self._end - time.monotonic(), 0)

    def fail(self, text=""):
        """Return the error of a proxy that does not do what it is there for.

        :param str text: what was raised, which may name an HTTP status
        """
        status = re.search(r"Tunnel connection failed: (\d{3})", text)
        status = int(status[1]) if status else None
        if status == 407:
            return DealerUnreachable("proxy_login", proxy=self.proxy.address)
        if status:
            return DealerUnreachable(
                "proxy_refused", proxy=self.proxy.address, host=self.target[0], status=status
            )
        return DealerUnreachable("proxy_unreachable", proxy=self.proxy.address)

    def talk(self, connection, step, *args):
        """Take a step in which a connection talks with the proxy: the dealer hears nothing of it.

        :param step: does it
        """
        connection.is_tunnelling = True
        try:
            return step(*args)
        except (OSError, http.client.HTTPException, HTTPError, ValueError) as error:
            failure = self.fail(str(error)[:200])
        finally:
            connection.is_tunnelling = False
        raise failure


def _connect_failure(error):
    if isinstance(error, TimeoutError):
        return "connect_timeout"
    if isinstance(error, ConnectionRefusedError):
        return "connection_refused"
    return "connection_failed"


def _pool_classes(watch):
    """Return urllib3's pools with connections that go through the watch."""

    class Watched:
        """What connections of both kinds do."""

        is_tunnelling = False

        def _new_conn(self):
            return watch.connect(self.host, self.port, self.socket_options)

        def send(self, data):
            """Send, after the connection is there, and note that something was sent."""
            _connect_first(self)
            if not self.is_tunnelling:
                watch.sent = True
            return super().send(data)

        def _tunnel(self):
            return watch.talk(self, super()._tunnel)

    class Plain(Watched, HTTPConnection):
        """Connections of http."""

    class Secure(Watched, HTTPSConnection):
        """Connections of https."""

        def _connect_tls_proxy(self, *args):
            return watch.talk(self, super()._connect_tls_proxy, *args)

    class PlainPool(HTTPConnectionPool):
        """The pool of http."""

        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        """The pool of https."""

        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connect_first(connection):
    # http.client connects inside send(); done here, a failed connection is known as "not sent".
    if connection.sock is None:
        connection.connect()


class _Adapter(HTTPAdapter):
    """The adapter of one session: own connections, no resending, own timeouts."""

    def __init__(self, watch, read_timeout, certificates=None, proxies=None):
        self._watch = watch
        self._read_timeout = read_timeout
        self._proxies = proxies
        self._tls = {"ssl_context": make_context(certificates)} if certificates else {}
        # requests and urllib3 agree that this means: not a single repetition, for any reason.
        super().__init__(
            pool_connections=1, pool_maxsize=1, max_retries=Retry(0, read=False, redirect=False)
        )

    def init_poolmanager(self, *args, **kwargs):
        """Put in our pools, and the certificates that are trusted for this dealer."""
        result = super().init_poolmanager(*args, **kwargs, **self._tls)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._watch)
        return result

    def proxy_manager_for(self, proxy, **kwargs):
        """Put in our pools here, too."""
        manager = super().proxy_manager_for(proxy, **self._tls, **kwargs)
        manager.pool_classes_by_scheme = _pool_classes(self._watch)
        return manager

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        """Send with our timeouts, and through our proxy or none."""
        # The timeouts are set here and not at the call: Odoo's test runner compares a given
        # timeout with a number, which a pair of them is not.
        timeout = (self._watch.connect_timeout, self._read_timeout)
        return super().send(
            request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=self._proxies
        )


class HttpTransport:
    """Post to the Odoo of one dealer and return whole answers, or say why there is none."""

    def __init__(self, settings):
        self.settings = settings
        self.url = check_url(settings.url, settings.allow_http, settings.allow_private)
        parts = urlsplit(self.url)
        self.host = parts.hostname
        self.port = parts.port or DEFAULT_PORTS[parts.scheme]
        self.scheme = parts.scheme
        self.proxy = parse_proxy(settings.proxy)
        self._watch = self._open_watch()
        self._pace = Pace((self.host, self.port), settings.requests_per_second)
        self._end = time.monotonic() + settings.session_timeout
        # The last error that asked for fewer requests, also where the talk went on
        self.slow_down = None
        # The dealer's clock minus ours, by its latest answer; None while it is not known
        self.clock_offset = None
        self._session = self._open_session()

    def __repr__(self):
        return f"<{type(self).__name__} {self.url}>"

    def _open_watch(self):
        settings = self.settings
        if not self.proxy:
            return _Watch(settings.connect_timeout, settings.allow_private)
        target = (self.host, self.port)
        return _ProxyWatch(settings.connect_timeout, settings.allow_private, self.proxy, target)

    def _open_session(self):
        session = requests.Session()
        # Proxies, credentials and certificates from the environment are not the dealer's.
        session.trust_env = False
        # A session cookie of the dealer would contradict the database we name.
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        session.headers.clear()
        # Answers are small; unpacking is one more thing that could be abused.
        session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        adapter = _Adapter(
            self._watch,
            self.settings.read_timeout,
            self.settings.ca_certificates,
            {self.scheme: self.proxy.url} if self.proxy else None,
        )
        session.mount(f"{self.scheme}://", adapter)
        return session

    def close(self):
        """Close the connection."""
        self._session.close()
        self._watch.close()

    @property
    def secrets(self):
        """Return what must never show up in a message."""
        secrets = (self.settings.api_key, self.settings.login)
        return (*secrets, *self.proxy.secrets) if self.proxy else secrets

    def clean(self, text, limit=TEXT_LIMIT):
        """Return what the dealer sent, fit for people and without our secrets."""
        return clean_text(text, secrets=self.secrets, limit=limit)

    def request(self, method, path, body=None, headers=None):
        """Send one request, once, and return the ``HttpAnswer``.

        :raise DealerError: when there is none; its ``request_sent`` tells whether the dealer
            may have acted on the request
        """
        self._pace.wait(self._end - time.monotonic())
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            raise self._session_over()
        limit = self.settings.connect_timeout + self.settings.read_timeout
        self._watch.start(min(limit, remaining))
        failure = response = answer = None
        try:
            response = self._session.request(
                method,
                self.url + path,
                data=body,
                headers=headers,
                stream=True,
                allow_redirects=False,
                verify=True,
            )
            answer = self._read(response)
        except DealerError as error:
            failure = error
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            # requests lets some errors of the lower layers through as they are.
            failure = self._explain(error)
        finally:
            self._watch.stop()
            if response is not None and answer is None:
                response.close()
        if self._watch.expired and answer is None:
            failure = self._timed_out()
        if failure is not None and self._is_over_before_sent(failure):
            failure = self._session_over()
        if failure is not None:
            failure.request_sent = self._watch.sent
            # Raised out here, the error drags no exception along that holds the request,
            # whose headers or body hold the key.
            raise failure.with_traceback(None)
        return answer

    def _session_over(self):
        return DealerUnreachable(
            "session_timeout",
            request_sent=False,
            host=self.host,
            seconds=self._round(self.settings.session_timeout),
        )

    def _is_over_before_sent(self, failure):
        """Tell whether it was the session's time that ended while there was no connection yet."""
        waited = isinstance(failure, DealerUnreachable) and not self._watch.sent
        return waited and time.monotonic() >= self._end - _ALMOST

    def _timed_out(self):
        if not self._watch.sent:
            return DealerUnreachable("connect_timeout", host=self.host)
        return DealerUnreachable(
            "answer_timeout", host=self.host, seconds=self._round(self.settings.read_timeout)
        )

    @staticmethod
    def _round(seconds):
        return round(seconds) if seconds >= 1 else round(seconds, 2)

    def _explain(self, error):
        """Return the error in our words for one of the libraries below."""
        if cause := _find_cause(error, _CERTIFICATE_ERRORS):
            reason = getattr(cause, "verify_message", "") or "it does not fit the name"
            return DealerUnreachable(
                "certificate_invalid", host=self.host, reason=clean_text(reason, limit=150)
            )
        if isinstance(error, requests.ConnectTimeout):
            return DealerUnreachable("connect_timeout", host=self.host)
        if _find_cause(error, (ssl.SSLError, SSLError)) and not self._watch.sent:
            return DealerUnreachable("tls_failed", host=self.host)
        if isinstance(error, requests.Timeout) or _find_cause(error, (TimeoutError,)):
            return self._timed_out()
        if not self._watch.sent:
            return DealerUnreachable("connection_failed", host=self.host)
        return DealerUnreachable("connection_lost", host=self.host)

    def _read(self, response):
        """Return the answer, after refusing what cannot be one by its head."""
        date = self._read_date(response.headers.get("Date"))
        status = response.status_code
        if status in BUSY_STATUSES:
            raise self._busy(status, read_retry_after(response.headers.get("Retry-After"), date))
        if 300 <= status < 400:
            location = self.clean(response.headers.get("Location") or "?", limit=150)
            raise DealerBadAnswer("redirect", location=location.partition("?")[0] or "?")
        if status == 407 and self.proxy:
            raise DealerUnreachable("proxy_login", proxy=self.proxy.address)
        if status == 407:
            raise DealerAccessRefused("http_unauthorized", status=status)
        content_type = response.headers.get("Content-Type") or ""
        content_type = content_type.partition(";")[0].strip().lower()
        return HttpAnswer(status, content_type, self._read_body(response), date)

    def _busy(self, status, retry_after):
        """Return the error for a server that takes no request now.

        :param retry_after: seconds for which it wants to be left alone, None when it does not say
        """
        if status != TOO_MANY:
            error = DealerUnreachable("server_busy", host=self.host, status=status)
            error.retry_after = retry_after
            return error
        seconds = retry_after or SLOW_DOWN
        self._pace.hold(seconds)
        self.slow_down = DealerSlowDown(
            "too_many_requests", wait=seconds, host=self.host, status=status, seconds=round(seconds)
        )
        return self.slow_down

    def _read_date(self, text):
        """Return the time of an answer by the dealer's clock, noting how far that is from ours."""
        try:
            date = parsedate_to_datetime(str(text or "")[:60])
            date = date.astimezone(UTC).replace(tzinfo=None)
        except (TypeError, ValueError, OverflowError):
            return None
        offset = date - utcnow()
        self.clock_offset = offset if abs(offset) < _MAX_OFFSET else None
        return date

    def _read_body(self, response):
        """Return the body, unpacked, and not a byte more than allowed."""
        limit = self.settings.max_bytes
        encoding = (response.headers.get("Content-Encoding") or "identity").strip().lower()
        if encoding in ("identity", ""):
            unpack = None
        elif encoding in ("gzip", "x-gzip", "deflate"):
            # 32: take a gzip or a zlib head, whichever is there.
            unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        else:
            raise DealerBadAnswer(
                "bad_encoding", host=self.host, encoding=clean_text(encoding, limit=40)
            )
        parts, size, received = [], 0, 0
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            received += len(chunk)
            if unpack:
                chunk = self._unpack(unpack, chunk, limit - size + 1, encoding)
            size += len(chunk)
            if size > limit or received > limit:
                raise DealerBadAnswer("too_large", host=self.host, limit=limit)
            parts.append(chunk)
        self._check_complete(response, received, unpack)
        return b"".join(parts)

    def _unpack(self, unpack, chunk, room, encoding):
        try:
            return unpack.decompress(chunk, room)
        except zlib.error:
            failure = DealerBadAnswer("bad_encoding", host=self.host, encoding=encoding)
        raise failure

    def _check_complete(self, response, received, unpack):
        """Notice a cut answer: older versions of urllib3 pass it as if it were whole."""
        announced = response.headers.get("Content-Length") or ""
        cut = announced.isdigit() and int(announced) != received
        if self._watch.expired or cut or (unpack and received and not unpack.eof):
            raise DealerUnreachable("connection_lost", host=self.host)


def _find_cause(error, classes):
    """Return the first error of the given classes among an error and what led to it."""
    seen, queue = set(), [error]
    while queue:
        current = queue.pop()
        if id(current) in seen or not isinstance(current, BaseException):
            continue
        seen.add(id(current))
        if isinstance(current, classes):
            return current
        queue.extend((current.__cause__, current.__context__, getattr(current, "reason", None)))
        queue.extend(current.args)
    return None

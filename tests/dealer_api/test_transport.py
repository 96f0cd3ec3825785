# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The transport to a dealer: what goes wrong has a name, and nothing is ever sent twice."""

import os
import pickle
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from urllib3.response import HTTPResponse

from ...dealer_api import (
    MESSAGES,
    ConnectionSettings,
    DealerAccessRefused,
    DealerBadAnswer,
    DealerError,
    DealerFault,
    DealerSession,
    DealerUnreachable,
    clean_text,
)
from .certificates import Certificate
from .common import PROTOCOLS, DealerApiCase, cases
from .fault_dealer import FaultDealer


def settings_for(dealer, protocol="xmlrpc", **kwargs):
    options = {
        "database": dealer.database,
        "login": dealer.login,
        "api_key": dealer.api_key,
        "allow_http": True,
        "allow_private": True,
        "connect_timeout": 2,
        "read_timeout": 10,
        "max_bytes": 1024 * 1024,
        **kwargs,
    }
    return ConnectionSettings(dealer.url, protocol=protocol, **options)


def read_product(session):
    return session.search_read("product.product", [("default_code", "=", "VH-1")], ["name"])


class _AnyDetail(dict):
    def __missing__(self, name):
        return 1


class TestDealerTransport(DealerApiCase):
    """One call, against a dealer that fails on demand."""

    def prepare(self):
        self.dealer.add_product("VH-1")

    def failing_call(self, protocol, fault, **kwargs):
        """Make one call that meets a fault; return the error. It was asked exactly once."""
        options = {key: kwargs.pop(key) for key in list(kwargs) if key not in ("read_timeout",)}
        with DealerSession(settings_for(self.dealer, protocol, **kwargs)) as session:
            self.assertEqual(session.uid, self.dealer.uid)
            self.dealer.inject(fault, "product.product.search_read", **options)
            with self.assertRaises(DealerError) as caught:
                read_product(session)
        self.assertEqual(self.dealer.calls("product.product.search_read"), 1)
        error = caught.exception
        self.assertIsNone(error.__cause__)
        self.assertIsNone(error.__context__)
        self.assertNotIn(self.dealer.api_key, str(error))
        return error

    @cases("protocol", PROTOCOLS)
    @cases(
        ("fault", "options", "code"),
        [
            ("drop_before", {}, "connection_lost"),
            ("drop_after", {}, "connection_lost"),
            ("cut", {}, "connection_lost"),
            ("cut_chunked", {}, "connection_lost"),
            ("status", {"status": 429}, "too_many_requests"),
            ("status", {"status": 502}, "server_busy"),
            ("status", {"status": 503}, "server_busy"),
            ("status", {"status": 504}, "server_busy"),
        ],
    )
    def test_no_answer_is_tried_again_later(self, protocol, fault, options, code):
        error = self.failing_call(protocol, fault, **options)
        self.assertIsInstance(error, DealerUnreachable)
        self.assertEqual((error.code, error.remedy, error.request_sent), (code, "retry", True))

    def test_a_cut_answer_with_an_older_urllib3(self):
        """Before version 2 it took what came for the whole."""
        original = HTTPResponse.__init__

        def lenient(response, *args, **kwargs):
            original(response, *args, **{**kwargs, "enforce_content_length": False})

        with patch.object(HTTPResponse, "__init__", lenient):
            error = self.failing_call("xmlrpc", "cut")
        self.assertEqual((error.code, error.request_sent), ("connection_lost", True))

    @cases("protocol", PROTOCOLS)
    @cases("fault", ["hang", "hang_after", "drip", "drip_head"])
    def test_no_answer_in_time(self, protocol, fault):
        """A server that sends a byte now and then does not hold us longer than one that hangs."""
        error = self.failing_call(protocol, fault, read_timeout=0.5)
        self.assertEqual(self.dealer.waited_for, [])
        self.assertIsInstance(error, DealerUnreachable)
        self.assertEqual(
            (error.code, error.remedy, error.request_sent), ("answer_timeout", "retry", True)
        )
        self.assertEqual(error.details["seconds"], 0.5)

    @cases("protocol", PROTOCOLS)
    def test_all_requests_together_have_a_limit(self, protocol):
        with DealerSession(settings_for(self.dealer, protocol, session_timeout=1.0)) as session:
            self.assertTrue(session.uid)
            self.dealer.delay = 0.3
            with self.assertRaises(DealerUnreachable) as caught:
                for _turn in range(20):
                    read_product(session)
        self.assertIn(caught.exception.code, ("session_timeout", "answer_timeout"))
        self.assertLess(self.dealer.calls("product.product.search_read"), 10)

    @cases("protocol", PROTOCOLS)
    def test_nobody_listens(self, protocol):
        with DealerSession(settings_for(self.dealer, protocol)) as session:
            self.assertTrue(session.uid)
            self.dealer.stop()
            # The connection of before is dropped; the new one is refused.
            with self.assertRaises(DealerUnreachable) as caught:
                read_product(session)
                read_product(session)
        self.assertEqual(caught.exception.remedy, "retry")
        with (
            DealerSession(settings_for(self.dealer, protocol)) as session,
            self.assertRaises(DealerUnreachable) as caught,
        ):
            _ = session.uid
        self.assertEqual(
            (caught.exception.code, caught.exception.request_sent), ("connection_refused", False)
        )

    @cases("protocol", PROTOCOLS)
    @cases(
        ("fault", "options", "code"),
        [
            ("html", {}, "html_answer"),
            ("content_type", {}, "content_type"),
            ("redirect", {}, "redirect"),
            ("redirect", {"status": 307}, "redirect"),
            ("redirect", {"status": 308}, "redirect"),
            ("status", {"status": 404}, "not_found"),
            ("status", {"status": 403}, "http_status"),
            ("status", {"status": 500}, "http_status"),
            ("huge", {}, "too_large"),
            ("huge", {"announced": True}, "too_large"),
            ("gzip_bomb", {}, "too_large"),
            ("bad_encoding", {}, "bad_encoding"),
            ("garbage", {}, {"xmlrpc": "bad_xml", "json2": "bad_json"}),
            ("garbage", {"body": b""}, {"xmlrpc": "bad_xml", "json2": "bad_json"}),
            ("garbage", {"body": b"[" * 200_000}, {"xmlrpc": "bad_xml", "json2": "bad_json"}),
            ("garbage", {"body": b"\xff\xfe\x00"}, {"xmlrpc": "bad_xml", "json2": "bad_json"}),
            ("nonsense", {"value": "text"}, "unexpected_answer"),
            ("nonsense", {"value": [{"id": "1"}]}, "unexpected_answer"),
            ("nonsense", {"value": [{"id": True}]}, "unexpected_answer"),
            ("nonsense", {"value": [7]}, "unexpected_answer"),
            ("nonsense", {"value": False}, "unexpected_answer"),
        ],
    )
    def test_an_answer_that_is_none_of_an_odoo(self, protocol, fault, options, code):
        code = code[protocol] if isinstance(code, dict) else code
        error = self.failing_call(protocol, fault, **options)
        self.assertIsInstance(error, DealerBadAnswer)
        self.assertEqual((error.code, error.remedy, error.request_sent), (code, "retry", True))
        self.assertNotIn("<", str(error))

    @cases("fault", ["dtd", "entity_bomb"])
    def test_document_types_are_refused(self, fault):
        error = self.failing_call("xmlrpc", fault)
        self.assertIsInstance(error, DealerBadAnswer)
        self.assertEqual(error.code, "dtd_refused")

    @cases(
        "body",
        [
            # No answer, or not one answer
            b"<html><body/></html>",
            b"<methodResponse/>",
            b"<methodResponse><params/></methodResponse>",
            b"<methodResponse><params><param><value><int>x</int></value></param></params>"
            b"</methodResponse>",
            b"<methodResponse><params><param><value><int>1</int></value></param><param><value>"
            b"<int>1</int></value></param></params></methodResponse>",
            b"<methodCall><methodName>x</methodName><params><param><value><int>1</int></value>"
            b"</param></params></methodCall>",
            # More digits than any number of ours has
            b"<methodResponse><params><param><value><int>"
            + b"9" * 10_000
            + b"</int></value></param>"
            b"</params></methodResponse>",
            # An undeclared entity, as a document type would declare it
            b"<methodResponse><params><param><value>&x;</value></param></params></methodResponse>",
            # Half a fault
            b"<methodResponse><fault><value><int>1</int></value></fault></methodResponse>",
        ],
    )
    def test_strange_xml(self, body):
        error = self.failing_call("xmlrpc", "garbage", body=body)
        self.assertIsInstance(error, DealerBadAnswer)
        self.assertEqual(error.code, "bad_xml")

    def test_a_document_type_in_another_encoding_is_refused(self):
        body = (
            '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY e "e">]>'
            "<methodResponse><params><param><value><string>&e;</string></value></param></params>"
            "</methodResponse>"
        ).encode("utf-16")
        error = self.failing_call("xmlrpc", "garbage", body=body)
        self.assertEqual(error.code, "dtd_refused")

    @cases("protocol", PROTOCOLS)
    def test_a_packed_answer_is_read(self, protocol):
        with DealerSession(settings_for(self.dealer, protocol)) as session:
            self.assertTrue(session.uid)
            self.dealer.inject("gzip", "product.product.search_read")
            self.assertEqual(read_product(session), [{"id": 1, "name": "VH-1"}])

    def test_redirects_are_not_followed(self):
        with FaultDealer() as other:
            error = self.failing_call("xmlrpc", "redirect", location=f"{other.url}/?key=1")
            self.assertEqual(error.details["location"], f"{other.url}/")
            self.assertEqual(other.connection_count, 0)

    @cases("protocol", PROTOCOLS)
    @cases(
        ("fault", "kind"),
        [
            ("access_error", "access"),
            ("user_error", "user"),
            ("server_error", "other"),
            ("serialization_fault", "busy"),
        ],
    )
    def test_faults_of_one_call(self, protocol, fault, kind):
        error = self.failing_call(protocol, fault)
        self.assertIsInstance(error, DealerFault)
        self.assertEqual((error.kind, error.remedy), (kind, "retry"))
        for leak in ("Traceback", "secret_source_code", "/opt/odoo", "\n"):
            self.assertNotIn(leak, str(error))

    @cases("protocol", PROTOCOLS)
    @cases(
        ("change", "code"),
        [
            ({"api_key": "f" * 40}, "login_refused"),
            ({"database": "other_db"}, "database_unknown"),
        ],
    )
    def test_not_let_in(self, protocol, change, code):
        remedy = "pause" if code == "login_refused" else "pause_if_standing"
        with (
            DealerSession(settings_for(self.dealer, protocol, **change)) as session,
            self.assertRaises(DealerAccessRefused) as caught,
        ):
            _ = session.uid
        self.assertEqual((caught.exception.code, caught.exception.remedy), (code, remedy))

    @cases(("protocol", "code"), [("xmlrpc", "login_refused"), ("json2", "login_mismatch")])
    def test_wrong_login(self, protocol, code):
        with (
            DealerSession(settings_for(self.dealer, protocol, login="somebody")) as session,
            self.assertRaises(DealerAccessRefused) as caught,
        ):
            _ = session.uid
        self.assertEqual((caught.exception.code, caught.exception.remedy), (code, "pause"))

    @cases(
        ("protocol", "fault", "code"),
        [
            ("xmlrpc", "access_denied", "login_refused"),
            ("json2", "access_denied", "access_denied"),
            ("xmlrpc", "unknown_database", "database_unknown"),
        ],
    )
    def test_let_in_no_longer(self, protocol, fault, code):
        remedy = "pause" if code == "login_refused" else "pause_if_standing"
        error = self.failing_call(protocol, fault)
        self.assertIsInstance(error, DealerAccessRefused)
        self.assertEqual((error.code, error.remedy, error.request_sent), (code, remedy, False))

    @cases("protocol", PROTOCOLS)
    def test_a_login_in_front_of_the_odoo(self, protocol):
        error = self.failing_call(protocol, "status", status=401)
        self.assertIsInstance(error, DealerAccessRefused)
        self.assertEqual((error.code, error.remedy), ("http_unauthorized", "pause"))

    @cases("protocol", ["auto", *PROTOCOLS])
    @cases("invisible", ["\u200b", "\ufeff", "\u00ad", "\n", "\x00", "\u202e"])
    def test_a_key_with_characters_that_nobody_sees(self, protocol, invisible):
        """Copied from a web page; without a clear word it would be tried for ever."""
        key = f"{self.dealer.api_key[:20]}{invisible}{self.dealer.api_key[20:]}"
        for remembered in ({}, {"uid": self.dealer.uid, "server_version": "19.0"}):
            settings = settings_for(self.dealer, protocol, api_key=key, **remembered)
            with (
                DealerSession(settings) as session,
                self.assertRaises(DealerAccessRefused) as caught,
            ):
                read_product(session)
            error = caught.exception
            self.assertEqual(
                (error.code, error.remedy, error.request_sent), ("key_invalid", "pause", False)
            )

    @cases(
        ("change", "code"),
        [({"api_key": "пароль"}, "key_invalid"), ({"database": "база"}, "database_unknown")],
    )
    def test_what_json2_cannot_carry(self, change, code):
        with (
            DealerSession(settings_for(self.dealer, "json2", **change)) as session,
            self.assertRaises(DealerAccessRefused) as caught,
        ):
            read_product(session)
        self.assertEqual((caught.exception.code, caught.exception.request_sent), (code, False))

    def test_a_password_in_any_script(self):
        self.dealer.password = "пароль ñ"
        settings = settings_for(self.dealer, "auto", api_key=self.dealer.password)
        with DealerSession(settings) as session:
            self.assertTrue(read_product(session))
            self.assertEqual(session.protocol, "xmlrpc")

    @cases("protocol", PROTOCOLS)
    def test_a_database_server_that_takes_no_more_connections(self, protocol):
        """It names the database as one that is not there does; that passes by itself."""
        messages = [
            'connection failed: FATAL:  too many connections for database "{}"',
            "connection failed: FATAL:  zu viele Verbindungen für Datenbank »{}«",
            "connection failed: FATAL:  sorry, too many clients already",
            "connection failed: FATAL:  the database system is starting up",
            "connection failed: FATAL:  the database system is shutting down",
            "connection failed: FATAL:  remaining connection slots are reserved",
            'connection failed: FATAL:  database "{}" is not currently accepting connections',
            "could not connect to server: Connection refused\n\tIs the server running?",
        ]
        for message in messages:
            with self.subTest(message=message):
                self.start_case()
                message = message.format(self.dealer.database)
                error = self.failing_call(protocol, "unknown_database", message=message)
                self.assertNotIsInstance(error, DealerAccessRefused)
                self.assertEqual((error.remedy, error.request_sent), ("retry", True))

    def test_a_refusal_of_json2_that_may_pass(self):
        """Odoo says so while its PostgreSQL is away: only when it stands it is to be believed."""
        refusals = {
            "access_denied": ("access_denied", {}),
            "database_unknown": (
                "status",
                {"status": 404, "body": b"<p>No database is selected and the requested URL"},
            ),
        }
        for code, (fault, options) in refusals.items():
            with self.subTest(code=code):
                self.start_case()
                error = self.failing_call("json2", fault, **options)
                self.assertIsInstance(error, DealerAccessRefused)
                self.assertEqual(
                    (error.code, error.remedy, error.request_sent),
                    (code, "pause_if_standing", False),
                )

    def test_a_certain_refusal_counts_more_than_one_that_may_pass(self):
        self.dealer.inject("access_denied", "context_get")
        settings = settings_for(self.dealer, "auto", api_key="f" * 40)
        with DealerSession(settings) as session, self.assertRaises(DealerAccessRefused) as caught:
            _ = session.uid
        self.assertEqual(
            (caught.exception.code, caught.exception.remedy), ("login_refused", "pause")
        )

    def test_what_one_protocol_is_told_counts_more_than_what_another_cannot_say(self):
        """JSON-2 knows no database that takes no more connections: its Odoo has none selected."""
        page = b"<p>No database is selected and the requested URL"
        self.dealer.inject("status", "context_get", status=404, body=page)
        message = f'FATAL:  too many connections for database "{self.dealer.database}"'
        self.dealer.inject("unknown_database", "authenticate", message=message)
        session = DealerSession(settings_for(self.dealer, "auto"))
        with session, self.assertRaises(DealerFault) as caught:
            _ = session.uid
        self.assertEqual(
            (caught.exception.code, caught.exception.remedy), ("database_closed", "retry")
        )

    # ------------------------------------------------------------
    # Which protocol, which user
    # ------------------------------------------------------------
    @cases(
        ("version", "secret", "protocol"),
        [
            ("16.0", "api_key", "xmlrpc"),
            ("saas~18.2", "api_key", "xmlrpc"),
            ("18.0", "password", "xmlrpc"),
            ("19.0", "api_key", "json2"),
            ("19.0", "password", "xmlrpc"),
            ("20.0", "api_key", "json2"),
        ],
    )
    def test_automatic_choice(self, version, secret, protocol):
        with FaultDealer(version=version) as dealer:
            settings = settings_for(dealer, "auto", api_key=getattr(dealer, secret))
            with DealerSession(settings) as session:
                self.assertEqual(session.protocol, protocol)
                self.assertEqual(session.server_version, version)
                self.assertEqual(session.uid, dealer.uid)
            self.assertEqual(dealer.calls("version"), 1)

    def test_automatic_choice_without_xmlrpc(self):
        with (
            FaultDealer(version="22.0") as dealer,
            DealerSession(settings_for(dealer, "auto")) as session,
        ):
            self.assertEqual((session.protocol, session.server_version), ("json2", "22.0"))

    def test_automatic_choice_where_json2_is_closed(self):
        """A server in front may let XML-RPC through only."""
        self.dealer.inject("status", "context_get", status=403)
        with DealerSession(settings_for(self.dealer, "auto")) as session:
            self.assertEqual(session.protocol, "xmlrpc")
            self.assertEqual(session.uid, self.dealer.uid)

    def test_automatic_choice_knows_no_way_in(self):
        with (
            DealerSession(settings_for(self.dealer, "auto", api_key="wrong")) as session,
            self.assertRaises(DealerAccessRefused) as caught,
        ):
            _ = session.protocol
        self.assertEqual(caught.exception.code, "login_refused")

    def test_json2_before_its_time(self):
        with FaultDealer(version="18.0") as dealer:
            session = DealerSession(settings_for(dealer, "json2"))
            with session, self.assertRaises(DealerAccessRefused) as caught:
                _ = session.uid
        self.assertEqual(caught.exception.code, "protocol_unavailable")

    @cases(
        ("protocol", "secret", "used"),
        [
            ("auto", "api_key", "json2"),
            ("auto", "password", "xmlrpc"),
            ("json2", "api_key", "json2"),
            ("xmlrpc", "password", "xmlrpc"),
        ],
    )
    def test_what_is_remembered_is_not_asked_again(self, protocol, secret, used):
        settings = settings_for(
            self.dealer,
            protocol,
            api_key=getattr(self.dealer, secret),
            server_version="19.0",
            uid=self.dealer.uid,
        )
        with DealerSession(settings) as session:
            self.assertTrue(read_product(session))
            self.assertEqual(
                (session.protocol, session.uid, session.server_version), (used, 7, "19.0")
            )
        self.assertEqual(self.dealer.requests, ["product.product.search_read"])

    def test_a_remembered_user_who_is_gone(self):
        with DealerSession(settings_for(self.dealer, uid=999)) as session:
            self.assertTrue(read_product(session))
            self.assertEqual(session.uid, self.dealer.uid)
        self.assertEqual(self.dealer.requests.count("authenticate"), 1)

    def test_a_remembered_door_that_is_closed(self):
        """JSON-2 was used before; since then a server in front lets XML-RPC through only."""
        self.dealer.inject("status", "product.product", status=403)
        self.dealer.inject("status", "context_get", status=403)
        settings = settings_for(self.dealer, "auto", server_version="19.0", uid=self.dealer.uid)
        with DealerSession(settings) as session:
            self.assertTrue(read_product(session))
            self.assertEqual(session.protocol, "xmlrpc")

    def test_a_remembered_version_that_is_old(self):
        with FaultDealer(version="17.0") as dealer:
            dealer.add_product("VH-1")
            settings = settings_for(dealer, "auto", server_version="19.0", uid=dealer.uid)
            with DealerSession(settings) as session:
                self.assertTrue(read_product(session))
                self.assertEqual((session.protocol, session.server_version), ("xmlrpc", "17.0"))

    def test_what_is_proved_is_not_doubted_again(self):
        """Only the first call of a session may be made once more."""
        settings = settings_for(self.dealer, "auto", server_version="19.0", uid=self.dealer.uid)
        with DealerSession(settings) as session:
            self.assertTrue(read_product(session))
            self.dealer.inject("html", "product.product")
            with self.assertRaises(DealerBadAnswer):
                read_product(session)
        self.assertEqual(self.dealer.requests, ["product.product.search_read"] * 2)

    def test_a_remembered_user_whose_key_is_withdrawn(self):
        with (
            DealerSession(settings_for(self.dealer, uid=self.dealer.uid, api_key="old")) as session,
            self.assertRaises(DealerAccessRefused) as caught,
        ):
            read_product(session)
        self.assertEqual(caught.exception.code, "login_refused")

    # ------------------------------------------------------------
    # Connections
    # ------------------------------------------------------------
    @cases("protocol", PROTOCOLS)
    def test_one_connection_per_session(self, protocol):
        with DealerSession(settings_for(self.dealer, protocol)) as session:
            for _turn in range(5):
                self.assertTrue(read_product(session))
        self.assertEqual(self.dealer.connection_count, 1)

    @cases(("connect_timeout", "session_timeout"), [(30.0, 0.5), (0.5, 30.0)])
    @cases("slow", ["name", "server"])
    def test_connecting_takes_no_longer_than_allowed(self, slow, connect_timeout, session_timeout):
        """Neither the look-up of the name nor the connection outlasts the session's time."""
        session = DealerSession(
            settings_for(
                self.dealer, connect_timeout=connect_timeout, session_timeout=session_timeout
            )
        )
        answered = threading.Event()
        self.addCleanup(answered.set)

        def look_up(*args, **kwargs):
            answered.wait(20)
            return []

        with ExitStack() as stack:
            if slow == "name":
                stack.enter_context(patch("socket.getaddrinfo", look_up))
            else:
                self.make_deaf(session.transport, stack)
            stack.enter_context(session)
            start = time.monotonic()
            with self.assertRaises(DealerUnreachable) as caught:
                read_product(session)
        self.assertLess(time.monotonic() - start, 3.0)
        self.assertIs(caught.exception.request_sent, False)
        self.assertEqual(caught.exception.code == "session_timeout", session_timeout < 1)

    def make_deaf(self, transport, stack):
        """Lead a transport to a port where connections are neither taken nor refused."""
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _number in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        host, port = listener.getsockname()
        transport.url = f"http://{host}:{port}"

    def test_no_cookies_are_kept(self):
        with DealerSession(settings_for(self.dealer, "json2")) as session:
            read_product(session)
        self.assertGreater(len(self.dealer.headers), 2)
        self.assertFalse([headers for headers in self.dealer.headers if "Cookie" in headers])

    def test_the_environment_is_ignored(self):
        """No proxies, no credentials and no certificates of others."""
        netrc = self.folder / "netrc"
        netrc.write_text("machine 127.0.0.1 login proxy password proxy\n")
        environment = {"NETRC": str(netrc)}
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            environment.update({name: "http://127.0.0.1:9", name.upper(): "http://127.0.0.1:9"})
        with (
            patch.dict(os.environ, environment),
            DealerSession(settings_for(self.dealer, "xmlrpc")) as session,
        ):
            self.assertTrue(read_product(session))
        self.assertFalse([headers for headers in self.dealer.headers if "Authorization" in headers])

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(TemporaryDirectory()))

    def test_https(self):
        certificate = Certificate(self.folder, "good", "127.0.0.1", authority=True)
        with FaultDealer(certificate=certificate.files) as dealer:
            settings = settings_for(
                dealer, "json2", ca_certificates=certificate.pem, allow_http=False
            )
            with DealerSession(settings) as session:
                self.assertEqual(session.uid, dealer.uid)
            self.assertEqual(dealer.connection_count, 1)

    @cases(
        ("name", "address", "days", "trusted"),
        [
            ("unknown", "127.0.0.1", 30, False),
            ("other-name", "127.0.0.2", 30, True),
            ("expired", "127.0.0.1", -1, True),
        ],
    )
    def test_certificates_are_verified(self, name, address, days, trusted):
        certificate = Certificate(self.folder, name, address, days, authority=True)
        with FaultDealer(certificate=certificate.files) as dealer:
            settings = settings_for(
                dealer, "xmlrpc", ca_certificates=certificate.pem if trusted else None
            )
            with DealerSession(settings) as session, self.assertRaises(DealerUnreachable) as caught:
                _ = session.uid
            self.assertEqual(dealer.requests, [])
        error = caught.exception
        self.assertEqual(
            (error.code, error.remedy, error.request_sent),
            (
                "certificate_invalid",
                "retry",
                False,
            ),
        )

    def test_no_https_on_this_port(self):
        settings = settings_for(self.dealer)
        settings = ConnectionSettings(
            settings.url.replace("http:", "https:"), "db", "login", "key", allow_private=True
        )
        with DealerSession(settings) as session, self.assertRaises(DealerUnreachable) as caught:
            _ = session.server_version
        self.assertEqual(
            (caught.exception.code, caught.exception.request_sent), ("tls_failed", False)
        )

    # ------------------------------------------------------------
    # Secrets and words
    # ------------------------------------------------------------
    @cases("protocol", PROTOCOLS)
    def test_nothing_secret_in_logs_and_representations(self, protocol):
        settings = settings_for(self.dealer, protocol)
        secrets = (self.dealer.api_key, self.dealer.login, self.dealer.password)
        with self.assertLogs(level="DEBUG") as logs, DealerSession(settings) as session:
            read_product(session)
            self.dealer.inject("drop_after", "search_read")
            with self.assertRaises(DealerUnreachable) as caught:
                read_product(session)
            shown = [
                str(logs.output),
                repr(settings),
                repr(session),
                repr(session.transport),
                repr(caught.exception),
                repr(vars(caught.exception)),
            ]
        self.assertTrue(logs.records, "urllib3 is expected to log the paths of requests")
        for text in shown:
            self.assertFalse([secret for secret in secrets if secret in text])

    @cases("protocol", PROTOCOLS)
    def test_a_server_that_echoes_the_key(self, protocol):
        message = f"bad login {self.dealer.login} with {self.dealer.api_key}"
        error = self.failing_call(protocol, "user_error", message=message)
        self.assertTrue(str(error).endswith("bad login *** with ***"))

    @cases(
        ("text", "clean"),
        [
            ("plain", "plain"),
            ("two\n\n lines\t here", "two lines here"),
            ("<p>Some <b>bold</b> text</p>", "Some bold text"),
            ("&lt;script&gt;alert(1)&lt;/script&gt;ok", "ok"),
            ("<script>alert(1)</script>ok", "ok"),
            ("<script>alert(1)", ""),
            ("ok <img src=x onerror=alert(1)", "ok img src=x onerror=alert(1)"),
            ("quantity < 5 and > 3", "quantity < 5 and > 3"),
            ("a\x00b\x1b[31mc\u202ed", "ab[31mcd"),
            (
                'Traceback (most recent call last):\n  File "x.py", line 1\n'
                "odoo.exceptions.ValidationError: Not like that\n",
                "Not like that",
            ),
            ("Traceback (most recent call last):\n", "Traceback (most recent call last):"),
            ("x" * 1000, "x" * 399 + "…"),
            (None, "None"),
        ],
    )
    def test_words_of_a_server_are_cleaned(self, text, clean):
        self.assertEqual(clean_text(text), clean)

    def test_messages_can_be_filled_in(self):
        for code, template in MESSAGES.items():
            self.assertTrue(template % _AnyDetail(), code)

    @cases(
        "error",
        [
            DealerUnreachable("dns_failed", host="x"),
            DealerAccessRefused("http_unauthorized", request_sent=True, status=401),
            DealerFault("remote_error", kind="user", message="m"),
        ],
    )
    @cases("loading", [False, True])
    def test_errors_survive_pickling(self, error, loading):
        """They cross threads and processes."""
        error.loading = loading
        copy = pickle.loads(pickle.dumps(error))
        self.assertIs(type(copy), type(error))
        self.assertEqual((vars(copy), str(copy)), (vars(error), str(error)))

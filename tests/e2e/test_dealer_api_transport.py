# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The transport to a dealer: what goes wrong has a name, and nothing is ever sent twice."""

import datetime
import ipaddress
import logging
import pickle

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fault_dealer import FaultDealer
from urllib3.response import HTTPResponse

from dealer_api import (
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

PROTOCOLS = ["xmlrpc", "json2"]


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


@pytest.fixture
def dealer():
    with FaultDealer() as dealer:
        dealer.add_product("VH-1")
        yield dealer


def read_product(session):
    return session.search_read("product.product", [("default_code", "=", "VH-1")], ["name"])


def failing_call(dealer, protocol, fault, **kwargs):
    """Make one call that meets a fault; return the error. It was asked exactly once."""
    options = {key: kwargs.pop(key) for key in list(kwargs) if key not in ("read_timeout",)}
    with DealerSession(settings_for(dealer, protocol, **kwargs)) as session:
        assert session.uid == dealer.uid
        dealer.inject(fault, "product.product.search_read", **options)
        with pytest.raises(DealerError) as caught:
            read_product(session)
    assert dealer.calls("product.product.search_read") == 1
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert dealer.api_key not in str(error)
    return error


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("fault", "options", "code"),
    [
        ("drop_before", {}, "connection_lost"),
        ("drop_after", {}, "connection_lost"),
        ("cut", {}, "connection_lost"),
        ("cut_chunked", {}, "connection_lost"),
        ("status", {"status": 429}, "server_busy"),
        ("status", {"status": 502}, "server_busy"),
        ("status", {"status": 503}, "server_busy"),
        ("status", {"status": 504}, "server_busy"),
    ],
)
def test_no_answer_is_tried_again_later(dealer, protocol, fault, options, code):
    error = failing_call(dealer, protocol, fault, **options)
    assert isinstance(error, DealerUnreachable)
    assert (error.code, error.outcome, error.request_sent) == (code, "retry", True)


def test_a_cut_answer_with_an_older_urllib3(dealer, monkeypatch):
    """Before version 2 it took what came for the whole."""
    original = HTTPResponse.__init__

    def lenient(response, *args, **kwargs):
        original(response, *args, **{**kwargs, "enforce_content_length": False})

    monkeypatch.setattr(HTTPResponse, "__init__", lenient)
    error = failing_call(dealer, "xmlrpc", "cut")
    assert (error.code, error.request_sent) == ("connection_lost", True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", ["hang", "hang_after", "drip", "drip_head"])
def test_no_answer_in_time(dealer, protocol, fault):
    """Also a server that sends a byte now and then does not hold us longer than one that hangs."""
    error = failing_call(dealer, protocol, fault, read_timeout=0.5)
    assert dealer.waited_for == []
    assert isinstance(error, DealerUnreachable)
    assert (error.code, error.outcome, error.request_sent) == ("answer_timeout", "retry", True)
    assert error.details["seconds"] == 0.5


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_all_requests_together_have_a_limit(dealer, protocol):
    with DealerSession(settings_for(dealer, protocol, session_timeout=1.0)) as session:
        assert session.uid
        dealer.delay = 0.3
        with pytest.raises(DealerUnreachable) as caught:
            for _turn in range(20):
                read_product(session)
    assert caught.value.code in ("session_timeout", "answer_timeout")
    assert dealer.calls("product.product.search_read") < 10


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nobody_listens(dealer, protocol):
    with DealerSession(settings_for(dealer, protocol)) as session:
        assert session.uid
        dealer.stop()
        # The connection of before is dropped; the new one is refused.
        with pytest.raises(DealerUnreachable) as caught:
            read_product(session)
            read_product(session)
    assert caught.value.outcome == "retry"
    with (
        DealerSession(settings_for(dealer, protocol)) as session,
        pytest.raises(DealerUnreachable) as caught,
    ):
        _ = session.uid
    assert (caught.value.code, caught.value.request_sent) == ("connection_refused", False)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
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
def test_an_answer_that_is_none_of_an_odoo(dealer, protocol, fault, options, code):
    code = code[protocol] if isinstance(code, dict) else code
    error = failing_call(dealer, protocol, fault, **options)
    assert isinstance(error, DealerBadAnswer)
    assert (error.code, error.outcome, error.request_sent) == (code, "retry", True)
    assert "<" not in str(error)


@pytest.mark.parametrize("fault", ["dtd", "entity_bomb"])
def test_document_types_are_refused(dealer, fault):
    error = failing_call(dealer, "xmlrpc", fault)
    assert isinstance(error, DealerBadAnswer)
    assert error.code == "dtd_refused"


@pytest.mark.parametrize(
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
        b"<methodResponse><params><param><value><int>" + b"9" * 10_000 + b"</int></value></param>"
        b"</params></methodResponse>",
        # An undeclared entity, as a document type would declare it
        b"<methodResponse><params><param><value>&x;</value></param></params></methodResponse>",
        # Half a fault
        b"<methodResponse><fault><value><int>1</int></value></fault></methodResponse>",
    ],
)
def test_strange_xml(dealer, body):
    error = failing_call(dealer, "xmlrpc", "garbage", body=body)
    assert isinstance(error, DealerBadAnswer)
    assert error.code == "bad_xml"


def test_a_document_type_in_another_encoding_is_refused(dealer):
    body = (
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY e "e">]>'
        "<methodResponse><params><param><value><string>&e;</string></value></param></params>"
        "</methodResponse>"
    ).encode("utf-16")
    error = failing_call(dealer, "xmlrpc", "garbage", body=body)
    assert error.code == "dtd_refused"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_packed_answer_is_read(dealer, protocol):
    with DealerSession(settings_for(dealer, protocol)) as session:
        assert session.uid
        dealer.inject("gzip", "product.product.search_read")
        assert read_product(session) == [{"id": 1, "name": "VH-1"}]


def test_redirects_are_not_followed(dealer):
    with FaultDealer() as other:
        error = failing_call(dealer, "xmlrpc", "redirect", location=f"{other.url}/?key=1")
        assert error.details["location"] == f"{other.url}/"
        assert other.connection_count == 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("access_error", "access"),
        ("user_error", "user"),
        ("server_error", "other"),
        ("serialization_fault", "busy"),
    ],
)
def test_faults_of_one_call(dealer, protocol, fault, kind):
    error = failing_call(dealer, protocol, fault)
    assert isinstance(error, DealerFault)
    assert (error.kind, error.outcome) == (kind, "retry")
    for leak in ("Traceback", "secret_source_code", "/opt/odoo", "\n"):
        assert leak not in str(error)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"api_key": "f" * 40}, "login_refused"),
        ({"database": "other_db"}, "database_unknown"),
    ],
)
def test_not_let_in(dealer, protocol, change, code):
    with (
        DealerSession(settings_for(dealer, protocol, **change)) as session,
        pytest.raises(DealerAccessRefused) as caught,
    ):
        _ = session.uid
    assert (caught.value.code, caught.value.outcome) == (code, "pause")


@pytest.mark.parametrize(
    ("protocol", "code"), [("xmlrpc", "login_refused"), ("json2", "login_mismatch")]
)
def test_wrong_login(dealer, protocol, code):
    with (
        DealerSession(settings_for(dealer, protocol, login="somebody")) as session,
        pytest.raises(DealerAccessRefused) as caught,
    ):
        _ = session.uid
    assert (caught.value.code, caught.value.outcome) == (code, "pause")


@pytest.mark.parametrize(
    ("protocol", "fault", "code"),
    [
        ("xmlrpc", "access_denied", "login_refused"),
        ("json2", "access_denied", "access_denied"),
        ("xmlrpc", "unknown_database", "database_unknown"),
    ],
)
def test_let_in_no_longer(dealer, protocol, fault, code):
    error = failing_call(dealer, protocol, fault)
    assert isinstance(error, DealerAccessRefused)
    assert (error.code, error.outcome, error.request_sent) == (code, "pause", False)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_login_in_front_of_the_odoo(dealer, protocol):
    error = failing_call(dealer, protocol, "status", status=401)
    assert isinstance(error, DealerAccessRefused)
    assert (error.code, error.outcome) == ("http_unauthorized", "pause")


# ------------------------------------------------------------
# Which protocol, which user
# ------------------------------------------------------------


@pytest.mark.parametrize(
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
def test_automatic_choice(version, secret, protocol):
    with FaultDealer(version=version) as dealer:
        settings = settings_for(dealer, "auto", api_key=getattr(dealer, secret))
        with DealerSession(settings) as session:
            assert session.protocol == protocol
            assert session.server_version == version
            assert session.uid == dealer.uid
        assert dealer.calls("version") == 1


def test_automatic_choice_without_xmlrpc():
    with (
        FaultDealer(version="22.0", xmlrpc=False) as dealer,
        DealerSession(settings_for(dealer, "auto")) as session,
    ):
        assert (session.protocol, session.server_version) == ("json2", "22.0")


def test_automatic_choice_where_json2_is_closed(dealer):
    """A server in front may let XML-RPC through only."""
    dealer.inject("status", "context_get", status=403)
    with DealerSession(settings_for(dealer, "auto")) as session:
        assert session.protocol == "xmlrpc"
        assert session.uid == dealer.uid


def test_automatic_choice_knows_no_way_in(dealer):
    with (
        DealerSession(settings_for(dealer, "auto", api_key="wrong")) as session,
        pytest.raises(DealerAccessRefused) as caught,
    ):
        _ = session.protocol
    assert caught.value.code == "login_refused"


def test_json2_before_its_time():
    with FaultDealer(version="18.0") as dealer:
        session = DealerSession(settings_for(dealer, "json2"))
        with session, pytest.raises(DealerAccessRefused) as caught:
            _ = session.uid
    assert caught.value.code == "protocol_unavailable"


@pytest.mark.parametrize(
    ("protocol", "secret", "used"),
    [
        ("auto", "api_key", "json2"),
        ("auto", "password", "xmlrpc"),
        ("json2", "api_key", "json2"),
        ("xmlrpc", "password", "xmlrpc"),
    ],
)
def test_what_is_remembered_is_not_asked_again(dealer, protocol, secret, used):
    settings = settings_for(
        dealer, protocol, api_key=getattr(dealer, secret), server_version="19.0", uid=dealer.uid
    )
    with DealerSession(settings) as session:
        assert read_product(session)
        assert (session.protocol, session.uid, session.server_version) == (used, 7, "19.0")
    assert dealer.requests == ["product.product.search_read"]


def test_a_remembered_user_who_is_gone(dealer):
    with DealerSession(settings_for(dealer, uid=999)) as session:
        assert read_product(session)
        assert session.uid == dealer.uid
    assert dealer.requests.count("authenticate") == 1


def test_a_remembered_door_that_is_closed(dealer):
    """JSON-2 was used before; since then a server in front lets XML-RPC through only."""
    dealer.inject("status", "product.product", status=403)
    dealer.inject("status", "context_get", status=403)
    settings = settings_for(dealer, "auto", server_version="19.0", uid=dealer.uid)
    with DealerSession(settings) as session:
        assert read_product(session)
        assert session.protocol == "xmlrpc"


def test_a_remembered_version_that_is_old():
    with FaultDealer(version="17.0") as dealer:
        dealer.add_product("VH-1")
        settings = settings_for(dealer, "auto", server_version="19.0", uid=dealer.uid)
        with DealerSession(settings) as session:
            assert read_product(session)
            assert (session.protocol, session.server_version) == ("xmlrpc", "17.0")


def test_what_is_proved_is_not_doubted_again(dealer):
    """Only the first call of a session may be made once more."""
    settings = settings_for(dealer, "auto", server_version="19.0", uid=dealer.uid)
    with DealerSession(settings) as session:
        assert read_product(session)
        dealer.inject("html", "product.product")
        with pytest.raises(DealerBadAnswer):
            read_product(session)
    assert dealer.requests == ["product.product.search_read"] * 2


def test_a_remembered_user_whose_key_is_withdrawn(dealer):
    with (
        DealerSession(settings_for(dealer, uid=dealer.uid, api_key="old")) as session,
        pytest.raises(DealerAccessRefused) as caught,
    ):
        read_product(session)
    assert caught.value.code == "login_refused"


# ------------------------------------------------------------
# Connections
# ------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_connection_per_session(dealer, protocol):
    with DealerSession(settings_for(dealer, protocol)) as session:
        for _turn in range(5):
            assert read_product(session)
    assert dealer.connection_count == 1


def test_no_cookies_are_kept(dealer):
    with DealerSession(settings_for(dealer, "json2")) as session:
        read_product(session)
    assert len(dealer.headers) > 2
    assert not [headers for headers in dealer.headers if "Cookie" in headers]


def test_the_environment_is_ignored(dealer, monkeypatch, tmp_path):
    """No proxies, no credentials and no certificates of others."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login proxy password proxy\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    with DealerSession(settings_for(dealer, "xmlrpc")) as session:
        assert read_product(session)
    assert not [headers for headers in dealer.headers if "Authorization" in headers]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Return a function that makes a self-signed certificate for an address."""
    folder = tmp_path_factory.mktemp("certificates")

    def make(name, address, days=30):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=60))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        certificate_path = folder / f"{name}.crt"
        key_path = folder / f"{name}.key"
        certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return str(certificate_path), str(key_path)

    return make


def test_https(certificates):
    certificate = certificates("good", "127.0.0.1")
    with FaultDealer(certificate=certificate) as dealer:
        settings = settings_for(dealer, "json2", ca_bundle=certificate[0], allow_http=False)
        with DealerSession(settings) as session:
            assert session.uid == dealer.uid
        assert dealer.connection_count == 1


@pytest.mark.parametrize(
    ("name", "address", "days", "trusted"),
    [
        ("unknown", "127.0.0.1", 30, False),
        ("other-name", "127.0.0.2", 30, True),
        ("expired", "127.0.0.1", -1, True),
    ],
)
def test_certificates_are_verified(certificates, name, address, days, trusted):
    certificate = certificates(name, address, days)
    with FaultDealer(certificate=certificate) as dealer:
        settings = settings_for(dealer, "xmlrpc", ca_bundle=certificate[0] if trusted else None)
        with DealerSession(settings) as session, pytest.raises(DealerUnreachable) as caught:
            _ = session.uid
        assert dealer.requests == []
    error = caught.value
    assert (error.code, error.outcome, error.request_sent) == (
        "certificate_invalid",
        "retry",
        False,
    )


def test_no_https_on_this_port(dealer):
    settings = settings_for(dealer)
    settings = ConnectionSettings(
        settings.url.replace("http:", "https:"), "db", "login", "key", allow_private=True
    )
    with DealerSession(settings) as session, pytest.raises(DealerUnreachable) as caught:
        _ = session.server_version
    assert (caught.value.code, caught.value.request_sent) == ("tls_failed", False)


# ------------------------------------------------------------
# Secrets and words
# ------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_secret_in_logs_and_representations(dealer, protocol, caplog):
    settings = settings_for(dealer, protocol)
    secrets = (dealer.api_key, dealer.login, dealer.password)
    with caplog.at_level(logging.DEBUG), DealerSession(settings) as session:
        read_product(session)
        dealer.inject("drop_after", "search_read")
        with pytest.raises(DealerUnreachable) as caught:
            read_product(session)
        shown = [
            caplog.text,
            repr(settings),
            repr(session),
            repr(session.transport),
            repr(caught.value),
            repr(vars(caught.value)),
        ]
    assert caplog.records, "urllib3 is expected to log the paths of requests"
    for text in shown:
        assert not [secret for secret in secrets if secret in text]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_echoes_the_key(dealer, protocol):
    message = f"bad login {dealer.login} with {dealer.api_key}"
    error = failing_call(dealer, protocol, "user_error", message=message)
    assert str(error).endswith("bad login *** with ***")


@pytest.mark.parametrize(
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
def test_words_of_a_server_are_cleaned(text, clean):
    assert clean_text(text) == clean


class _AnyDetail(dict):
    def __missing__(self, name):
        return 1


def test_messages_can_be_filled_in():
    for code, template in MESSAGES.items():
        assert template % _AnyDetail(), code


@pytest.mark.parametrize(
    "error",
    [
        DealerUnreachable("dns_failed", host="x"),
        DealerAccessRefused("http_unauthorized", request_sent=True, status=401),
        DealerFault("remote_error", kind="user", message="m"),
    ],
)
def test_errors_survive_pickling(error):
    """They cross threads and processes."""
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (vars(copy), str(copy)) == (vars(error), str(error))

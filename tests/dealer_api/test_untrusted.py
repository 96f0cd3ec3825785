# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a hostile server sends is read in no time, and our secrets are not shown."""

import time

from odoo.tests import BaseCase

from ...dealer_api import (
    ConnectionSettings,
    DealerError,
    clean_text,
    normalize_url,
    xmlrpc_codec,
)
from ...dealer_api.protocols import Json2, XmlRpc, is_busy
from .common import cases

KEY = "0123456789abcdef0123456789abcdef01234567"
TRACEBACK = "Traceback (most recent call last):\n"
# Texts of about a million characters, made to be slow to read; each was for some pattern.
HOSTILE = {
    "openings": "<" * 1_000_000,
    "tags that do not end": "<a" * 500_000,
    "scripts that do not end": "<script" * 140_000,
    "scripts": "<script>" * 120_000,
    "ends of scripts": "<script>" + "</script " * 110_000,
    "ends of scripts with blanks": "<script>" + ("</script" + " " * 1000) * 1000,
    "comments that do not end": "<!--" * 250_000,
    "ends of comments": "-->" * 330_000,
    "entities": "&" * 1_000_000,
    "escaped tags": "&lt;a" * 200_000,
    "a number": "&#" + "9" * 1_000_000 + ";",
    "a hexadecimal number": "&#x" + "f" * 1_000_000 + ";",
    "blanks": " " * 1_000_000 + "x",
    "lines": "\n" * 1_000_000,
    "controls": "\x00\u202e" * 500_000,
    "a name": "a." * 500_000 + ": ",
    "the name of an error": TRACEBACK + "A" * 1_000_000,
    "names of an error": TRACEBACK + "Ab." * 330_000,
    "errors": TRACEBACK + "Error" * 200_000,
    "lines of a traceback": TRACEBACK + "x\n" * 500_000 + "y",
    "a key": KEY[:-1] * 25_000,
    "fatal errors": "OperationalError " + 'failed: FATAL: "' * 60_000,
    "lines of fatal errors": "OperationalError\n" + 'FATAL: "\n' * 110_000,
    "quotes after a fatal error": "OperationalError FATAL: " + '" ' * 500_000,
    "conflicts": "could not serialize acces" * 40_000,
    "markup of XML-RPC": "<methodResponse><params>" + "<param><value>" * 70_000,
    "arrays": "<methodResponse><params><param>" + "<value><array><data>" * 50_000,
    "digits": "<methodResponse><params><param><value><int>" + "9" * 1_000_000 + "</int>",
    "brackets": "[" * 1_000_000,
    "classes": "<class 'odoo.exceptions.UserError'>: " * 30_000,
    "quotes in a class": "<class 'odoo.exceptions.UserError'>: ('" + "\\'" * 500_000,
}
# Seconds of computing, on the slowest machine; the patterns before took minutes to hours.
BUDGET = 1.0


class _Transport:
    host = "dealer.example"
    settings = ConnectionSettings("https://dealer.example", "dealer_db", "login", KEY)

    def clean(self, text, limit=400):
        return clean_text(text, secrets=(KEY, "login"), limit=limit)


class TestDealerUntrusted(BaseCase):
    """Text of strangers."""

    def start_case(self):
        """Nothing has to be prepared."""

    @cases("name", sorted(HOSTILE))
    def test_hostile_texts_are_read_in_no_time(self, name):
        text = HOSTILE[name]
        xmlrpc, json2 = XmlRpc(_Transport()), Json2(_Transport())
        fault = {"name": "odoo.exceptions.UserError", "message": text}
        parsers = {
            "clean_text": lambda: clean_text(text, secrets=(KEY, "a" * 40)),
            "normalize_url": lambda: normalize_url(text),
            "normalize_url, with a scheme": lambda: normalize_url(f"https://{text}"),
            "is_busy": lambda: is_busy(text),
            "said_of_database": lambda: xmlrpc._said_of_database(text),
            "fault of XML-RPC": lambda: xmlrpc._explain(
                xmlrpc_codec.xmlrpc.client.Fault(1, text), "x", "x"
            ),
            "fault of JSON-2": lambda: json2._explain(422, fault, "x", "x"),
            "decode": lambda: xmlrpc_codec.decode(text.encode()),
        }
        for parser, parse in parsers.items():
            start = time.thread_time()
            try:
                parse()
            except (DealerError, xmlrpc_codec.BadXml):
                # Refused: that is an answer, too.
                self.assertNotEqual(parser, "clean_text")
            self.assertLess(time.thread_time() - start, BUDGET, parser)

    @cases(
        "echo",
        [
            KEY,
            KEY.upper(),
            " ".join(KEY),
            "<b>".join(KEY),
            "\n".join(KEY),
            "\u200b".join(KEY),
            "\x00".join(KEY),
            "&#8203;".join(KEY),
            "".join(f"&#{ord(char)};" for char in KEY),
            "".join(f"&amp;#{ord(char)};" for char in KEY),
            f"{KEY[:20]}<!-- x -->{KEY[20:]}",
            f"{KEY[:20]}<script>x</script>{KEY[20:]}",
            f"{KEY}{KEY}",
        ],
    )
    def test_an_echoed_key_is_masked(self, echo):
        shown = clean_text(f"bad key {echo} here", secrets=(KEY, "login"))
        self.assertIn("***", shown)
        self.assertEqual(shown.replace("*", "").split(), ["bad", "key", "here"])

    def test_a_secret_with_blanks_is_masked(self):
        shown = clean_text("no correct  horse<br/>battery.", secrets=("correct horse battery",))
        self.assertEqual(shown, "no ***.")

    @cases("length", [0, 1, 10, 30, 39])
    def test_a_key_that_is_cut_off_is_masked(self, length):
        """Where the text is cut before it is read, in the midst of a key."""
        for size in range(3900, 4100):
            text = "<" + "a" * (size - length) + ">" + KEY + "x" * 5000
            shown = clean_text(text, secrets=(KEY,))
            self.assertNotIn(KEY[:4], shown)

    def test_short_secrets_are_left_alone(self):
        """Otherwise a login of one letter would blacken every word."""
        self.assertEqual(clean_text("all is well", secrets=("l", "", None)), "all is well")

    def test_the_words_of_a_long_traceback(self):
        text = TRACEBACK + '  File "x.py"\n' * 10_000 + "odoo.exceptions.UserError: Not like that\n"
        self.assertEqual(clean_text(text), "Not like that")

    def test_what_odoo_says_to_its_own_users(self):
        """Words of Odoo 19 about a record rule and about an error in somebody's code."""
        refused = clean_text(
            "Uh-oh! Looks like you have stumbled upon some top-secret records.\n\n"
            "Sorry, Call Centre (id=8) doesn't have 'create' access to:\n"
            "- Sales Order (sale.order)\n\n"
            "If you really, really need access, perhaps you can win over your friendly "
            "administrator with a batch of freshly baked cookies."
        )
        self.assertEqual(
            refused,
            "Sorry, Call Centre (id=8) doesn't have 'create' access to: - Sales Order (sale.order)",
        )
        crashed = clean_text(
            "Unknown error during import: <class 'ZeroDivisionError'>: division by zero"
        )
        self.assertEqual(
            crashed,
            "An internal error; the administrator of that Odoo finds it in the log: "
            "division by zero",
        )

    @cases(
        ("text", "shown"),
        [
            ("UserError'>: Not here", "Not here"),
            ("ValidationError'>: ('Not here', '')", "Not here"),
            ("AccessError'>: (\"You're not\\nallowed\", None)", "You're not allowed"),
            ("AccessError'>: ('You\\'re not", "You're not"),
            ("UserError'>: (perhaps)", "(perhaps)"),
        ],
    )
    def test_what_load_of_old_versions_says(self, text, shown):
        """In any language, without what only programmers understand."""
        for before in ("Unknown error during import:", "Unbekannter Fehler beim Import:"):
            self.assertEqual(clean_text(f"{before} <class 'odoo.exceptions.{text}"), shown)

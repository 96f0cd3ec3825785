# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.service.model import call_kw, get_public_method
from odoo.tests import BaseCase, tagged

from odoo.addons.bpo_crm.models.connection import bpo_dealer_connection_check

from . import access_table
from .access_common import AccessCase, read_methods, read_operations
from .access_table import ROLES

ADDON = "odoo.addons.bpo_crm."
OPERATIONS = {"r": "read", "c": "create", "w": "write", "d": "unlink"}
# of records of which some fields can be read, but not all; of what is refused
SOME, NO = "n", "-"
# what becomes of a call: allowed, allowed but a rule stands against it, refused by access
# rights, refused by the role
ALLOWED, RULE, ACCESS, ROLE = "+", "u", "x", "r"


def find_own_classes(model):
    """Return the classes of this addon that make up a model of the registry."""
    return [each for each in type(model).mro() if each.__module__.startswith(ADDON)]


def is_public(model, name):
    """Tell whether a method can be called by the External API, as Odoo decides it."""
    try:
        get_public_method(model, name)
    except AccessError:
        return False
    return True


def find_public_methods(model):
    """Return the names of the methods of this addon that can be called on a model over RPC."""
    names = {
        name
        for each in find_own_classes(model)
        for name, value in vars(each).items()
        if callable(value) and not isinstance(value, type)
    }
    return {name for name in names if is_public(model, name)}


@dataclass
class Call:
    """How a method is called in the test."""

    args: list = field(default_factory=list)
    kwargs: dict = field(default_factory=dict)
    # makes the record ready, as superuser
    prepare: object = None


@tagged("post_install", "-at_install")
class TestAccessMatrix(AccessCase):
    """Each role may do what ``access_table.py`` says, and nothing else.

    Operations and public methods alike are called as the External API calls them.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        registry = cls.env.registry
        connected = SimpleNamespace(lines=[], server_version="19.0", uid=7)
        for target, name, answer in (
            (registry["bpo.dealer.order"], "_push_now", lambda *_args: Counter()),
            # in transactions of their own, which know nothing of this one's records
            (registry["bpo.dealership"], "_test_apart", lambda *_args: False),
            (registry["bpo.dealership"], "_ask_apart", lambda *_args: False),
            (bpo_dealer_connection_check, "check_connection", lambda *_args, **_kwargs: connected),
            # to explain a refusal costs Odoo more than to refuse
            (registry["ir.model.access"], "_make_access_error", lambda *_args: AccessError("")),
            (registry["ir.rule"], "_make_access_error", lambda *_args: AccessError("")),
        ):
            cls.startClassPatcher(patch.object(target, name, answer))
        cls.calls = cls._prepare_calls()

    # ------------------------------------------------------------
    # CALLING
    # ------------------------------------------------------------

    def _call(self, role, model, method, args, kwargs=None):
        """Call a method as the External API does, and return what became of it and the text."""
        env = self.env(user=self.users[role].id, su=False, context={})
        # a request begins with nothing read: what is in the cache is given to anybody
        self.env.flush_all()
        self.env.invalidate_all()
        context = {"tracking_disable": True, **(kwargs or {}).get("context", {})}
        try:
            call_kw(env[model], method, args, {**(kwargs or {}), "context": context})
            self.env.flush_all()
        except AccessError as error:
            return ACCESS, str(error)
        except UserError as error:
            return RULE, str(error)
        return ALLOWED, ""

    @contextmanager
    def _undone(self):
        """Take back what is done inside."""
        savepoint = self.env.cr.savepoint()
        try:
            yield
        finally:
            savepoint.close(rollback=True)

    # ------------------------------------------------------------
    # OPERATIONS
    # ------------------------------------------------------------

    def test_every_model_has_its_rows(self):
        models = {
            name
            for name in self.registry
            if not self.env[name]._abstract and find_own_classes(self.env[name])
        }
        rows = {model for model, _scope in read_operations(access_table.OPERATIONS)}
        self.assertEqual(models - set(access_table.OF_STOCK), rows)
        self.assertLessEqual(set(access_table.OF_STOCK), models)

    def test_operations(self):
        for (model, scope), cells in read_operations(access_table.OPERATIONS).items():
            for role, expected in cells.items():
                with self.subTest(model=model, scope=scope, role=role):
                    self.assertEqual(self._get_operations(model, scope, role), expected)

    def _get_operations(self, model, scope, role):
        """Return the letters of the operations that are allowed, ``-`` for each other one."""
        letters = [
            letter if self._may(OPERATIONS[letter], model, scope, role) else NO
            for letter in OPERATIONS
        ]
        if letters[0] != NO and not self._may("read", model, scope, role, fields=None):
            letters[0] = SOME
        return "".join(letters)

    def _may(self, operation, model, scope, role, fields=("display_name",)):
        with self._undone():
            ids = self._get_record(model, scope, role).ids
            if operation in ("create", "write"):
                vals = self._prepare(model, scope, role)
            args = {
                "read": lambda: [ids, fields],
                "create": lambda: [vals],
                "write": lambda: [ids, vals],
                "unlink": lambda: [ids],
            }[operation]()
            return self._call(role, model, operation, args)[0] != ACCESS

    # ------------------------------------------------------------
    # METHODS
    # ------------------------------------------------------------

    @classmethod
    def _prepare_calls(cls):
        """Return ``{(model, method): Call}`` of the methods that need something to be called."""
        order_calls = {
            ("bpo.dealer.order", method): Call(prepare=lambda order, vals=vals: order.write(vals))
            for method, vals in {
                "action_check_at_dealer": {"state": "sent", "remote_id": 7},
                "action_send_again": {"state": "sent", "remote_state": "missing"},
                "action_open_remote": {"state": "sent", "remote_id": 7},
            }.items()
        }
        lose = {"lost_reason_id": cls.reason.id}
        return {
            **order_calls,
            ("crm.lead", "web_read_group"): Call(
                [[["type", "=", "opportunity"]], ["stage_id"]],
                {"context": {"bpo_crm_board": True, "read_group_expand": True}},
            ),
            ("crm.lead", "formatted_read_group"): Call(
                [[["type", "=", "opportunity"]], ["stage_id"], ["expected_revenue:sum"]]
            ),
            ("crm.lead", "action_set_lost"): Call(kwargs=lose),
            ("crm.lead", "action_restore"): Call(prepare=lambda lead: lead.action_set_lost(**lose)),
            ("crm.lead", "convert_opportunity"): Call([False]),
            ("crm.lead", "action_open_dealer_order"): Call(prepare=cls._fail_order),
            ("crm.lead", "action_retry_dealer_order"): Call(prepare=cls._fail_order),
            ("crm.lead", "action_check_dealer_order"): Call(prepare=cls._send_order),
            ("bpo.dealership", "action_check_products"): Call(
                prepare=lambda dealership: dealership.write({"connection_state": "connected"})
            ),
            ("crm.lead", "action_fill_in_and_move"): Call([[]]),
            ("bpo.service.request", "action_fill_in_and_move"): Call([[]]),
            ("crm.stage", "web_resequence"): Call([{}]),
            ("crm.stage", "action_take_out"): Call(
                kwargs={"context": {"bpo_crm_service_id": cls.service.id}}
            ),
            ("bpo.service.request", "action_view_lead"): Call(prepare=cls._link_lead),
            ("bpo.service.request", "action_reopen"): Call(
                prepare=lambda request: request.action_complete()
            ),
        }

    @classmethod
    def _send_order(cls, lead):
        cls._fail_order(lead)
        lead.dealer_order_id.write({"state": "sent", "remote_id": 7})

    @classmethod
    def _fail_order(cls, lead):
        lead.stage_id = cls.stage_sold
        lead.dealer_order_id.state = "failed"

    @classmethod
    def _link_lead(cls, request):
        vals = cls._prepare("crm.lead", "any", "any")
        request.lead_id = cls._create_leads(
            **{**vals, "user_id": request.user_id.id, "company_id": request.company_id.id}
        )

    def test_every_public_method_has_its_row(self):
        methods = {
            (name, method)
            for name in self.registry
            if not self.env[name]._abstract
            for method in find_public_methods(self.env[name])
        }
        rows = set(read_methods(access_table.METHODS))
        covered = {key for key in methods if key[1] in access_table.COVERED}
        self.assertEqual(methods - covered, rows)
        self.assertEqual({method for _model, method in covered}, set(access_table.COVERED))

    def test_methods(self):
        for (model, method), scopes in read_methods(access_table.METHODS).items():
            for scope, cells in scopes.items():
                with self.subTest(model=model, method=method, scope=scope):
                    self._check_method(model, method, scope, cells)

    def _check_method(self, model, method, scope, cells):
        if not cells:
            self.assertTrue(self._is_of_model(model, method), "letters for this scope are missing")
            return
        answers = self._get_answers(model, method, scope)
        for role, expected in cells.items():
            with self.subTest(role=role):
                self.assertEqual(answers[role], expected)

    def test_each_method_can_do_its_work(self):
        """What nobody can do in this test would say nothing of those who are refused."""
        for key, scopes in read_methods(access_table.METHODS).items():
            with self.subTest(key):
                letters = [letter for row in scopes.values() if row for letter in row.values()]
                self.assertIn(ALLOWED, letters)

    def test_methods_of_abstract_models_refuse_everybody(self):
        """These can be called over RPC as well, though there are no records."""
        for name in self.registry:
            if self.env[name]._abstract:
                for method in find_public_methods(self.env[name]) - set(access_table.COVERED):
                    for role in ROLES:
                        with self.subTest(model=name, method=method, role=role):
                            self.assertNotEqual(self._call(role, name, method, [[]])[0], ALLOWED)

    def _is_of_model(self, model, method):
        """Tell whether a method is called on a model as a whole, not on records."""
        return getattr(getattr(self.registry[model], method), "_api_model", False)

    def _get_answers(self, model, method, scope):
        """Return ``{role: what becomes of its call}``.

        Where a call is refused in words, and the manager's is not, or in other words, it is the
        role that tells the difference. Numbers in the words are ids.
        """
        answers = self._call_method(model, method, scope)
        words = {role: re.sub(r"\d+", "", text) for role, (_letter, text) in answers.items()}
        return {
            role: ROLE if letter == RULE and words[role] != words["manager"] else letter
            for role, (letter, _text) in answers.items()
        }

    def _call_method(self, model, method, scope):
        """Return ``{role: (letter, text)}`` of a method called on the record of each role."""
        call = self.calls.get((model, method), Call())
        records = {role: self._get_record(model, scope, role) for role in ROLES}
        answers = {}
        for record in self.env[model].union(*records.values()):
            with self._undone():
                if call.prepare:
                    call.prepare(record)
                args = call.args if self._is_of_model(model, method) else [record.ids, *call.args]
                for role in ROLES:
                    if records[role] == record:
                        with self._undone():
                            answers[role] = self._call(role, model, method, args, call.kwargs)
        return answers


@tagged("post_install", "-at_install")
class TestAccessTable(BaseCase):
    """How the tables are read, and that the methods are found."""

    def test_operations_are_read(self):
        cells = ["rcwd", "r---"] + ["----"] * (len(ROLES) - 2)
        rows = read_operations(f"# head\na.b\n    own {' '.join(cells)}  # why\n")
        self.assertEqual(rows, {("a.b", "own"): dict(zip(ROLES, cells, strict=True))})
        with self.assertRaises(ValueError):
            read_operations("a.b\n    own rcwd")

    def test_methods_are_read(self):
        group = " ".join(["+"] * len(ROLES))
        rows = read_methods(f"a.b: own | others\n    go {group} | {group}\n    run {group}\n")
        cells = dict.fromkeys(ROLES, "+")
        self.assertEqual(
            rows,
            {
                ("a.b", "go"): {"own": cells, "others": cells},
                ("a.b", "run"): {"own": cells, "others": None},
            },
        )
        with self.assertRaises(ValueError):
            read_methods(f"a.b: own | others | elsewhere\n    go {group} | {group}")

# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import random
import re
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import str2bool

from ...dealer_api import (
    ConnectionSettings,
    DealerAddressRefused,
    DealerSession,
    check_url,
    normalize_url,
)
from ..constants import MANAGER
from ..dealer_texts import translate_error

# Changing one of these makes whatever was learnt about the connection worthless.
CONNECTION_FIELDS = (
    "odoo_url",
    "odoo_db",
    "odoo_login",
    "odoo_api_key",
    "protocol",
    "allow_http",
    "ca_certificates",
)
# The proxy through which dealers are reached; none where it is not set.
PROXY_PARAMETER = "bpo_crm.dealer_proxy"
# The system parameter: whether dealers may be inside private networks.
PRIVATE_PARAMETER = "bpo_crm.allow_private_addresses"
MAX_BACK_OFF = timedelta(minutes=60)
# The longest talk with one dealer. Odoo kills a scheduled action after two minutes by default.
SESSION_SECONDS = 75.0


def get_back_off(failures):
    """Return how long to leave something alone after so many failures in a row.

    :param int failures: how often it had failed before this time
    :return: 1, 2, 4 … 60 minutes, with jitter: many that wait for one broken line do not all
        come back at the same second
    """
    delay = min(timedelta(minutes=2 ** min(failures, 6)), MAX_BACK_OFF)
    return delay * random.uniform(0.8, 1.2)  # noqa: S311 (no secret)


class BpoDealerConnection(models.AbstractModel):
    """How the Odoo of a dealer is reached, and how it is doing.

    STATE DIAGRAM of a connection::

                       Test Connection, or a talk that went well
             untested ──────────────────────────────────────────▶ connected
                ▲  │                                               │     ▲
                │  │ no talk was possible                          │     │ the next one went well
                │  └────────────────────▶ failed ◀─────────────────┘     │
                │                           │ └──────────────────────────┘
                └───── somebody changed address, database, login, key ─── (from everywhere)

    A failed one is left alone for a while that grows (``next_attempt``), or, where the dealer's
    Odoo does not let us in, until a manager has acted (``paused``). What talks make of it is in
    ``bpo_dealer_connection_talks.py``.

    What a talk taught is written only where the connection is still the one that was talked
    through: a talk lasts up to a minute, and managers may edit the connection meanwhile.
    """

    _name = "bpo.dealer.connection"
    _description = "Connection to a Dealer's Odoo"
    _inherit = ["bpo.api.key", "mail.thread", "mail.activity.mixin"]

    odoo_url = fields.Char(
        "Odoo Address",
        groups=MANAGER,
        help="What people at the dealership type to reach their Odoo, for example "
        "https://odoo.the-dealership.com.",
    )
    odoo_db = fields.Char(
        "Database",
        groups=MANAGER,
        help="The name of the dealership's database: whoever runs its Odoo knows it. With Odoo "
        "Online it is the first part of the address.",
    )
    odoo_login = fields.Char(
        "Login",
        groups=MANAGER,
        help="The login of the user that the dealership made for the call centre. It needs to "
        "create contacts and its own sale orders, nothing more.",
    )
    protocol = fields.Selection(
        [("auto", "Automatic"), ("xmlrpc", "XML-RPC"), ("json2", "JSON-2")],
        required=True,
        default="auto",
        groups=MANAGER,
        help="Automatic: JSON-2 where the dealer's Odoo has it (19.0 and later), else XML-RPC.",
    )
    allow_http = fields.Boolean(
        "Allow Plain HTTP",
        groups=MANAGER,
        help="Without encryption the key can be read on its way. For tests in a closed network.",
    )
    connection_state = fields.Selection(
        [("untested", "Not tested"), ("connected", "Connected"), ("failed", "Failed")],
        required=True,
        default="untested",
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="What the last talk with the dealership's Odoo came to. Not tested: the connection "
        "was changed since; press Test Connection.",
    )
    server_version = fields.Char("Odoo Version", readonly=True, copy=False, groups=MANAGER)
    remote_uid = fields.Integer(readonly=True, copy=False, exportable=False, groups=MANAGER)
    remembered = fields.Json(
        readonly=True,
        copy=False,
        exportable=False,
        prefetch=False,
        groups=MANAGER,
        help="What the dealership's Odoo was asked, and is not asked again for an hour or a day.",
    )
    last_check = fields.Datetime(
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="When the connection was last tested, or last failed.",
    )
    last_message = fields.Text(
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="What went wrong in the last talk with the dealership's Odoo.",
    )
    left_out_fields = fields.Json(
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="Fields of orders that the dealership's Odoo did not have when it was last sent any.",
    )
    paused = fields.Boolean(
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="Orders wait: the dealer's Odoo does not let us in. Test Connection resumes.",
    )
    back_off_count = fields.Integer(readonly=True, copy=False, groups=MANAGER)
    failing_since = fields.Datetime(
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="Since then no talk with the dealership's Odoo went well.",
    )
    unreachable_told = fields.Boolean(
        "Told as Unreachable", readonly=True, copy=False, exportable=False, groups=MANAGER
    )
    refusal_count = fields.Integer(readonly=True, copy=False, exportable=False, groups=MANAGER)
    refused_since = fields.Datetime(readonly=True, copy=False, exportable=False, groups=MANAGER)
    batch_size = fields.Integer(
        "Orders per Talk",
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="Fewer than usual after the dealership's Odoo broke off while it was given orders; "
        "0 is the usual number.",
    )
    next_attempt = fields.Datetime(
        readonly=True, copy=False, groups=MANAGER, help="Orders wait until then."
    )
    last_push = fields.Datetime(readonly=True, copy=False, groups=MANAGER)

    # ------------------------------------------------------------
    # COMPUTES AND CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("odoo_url", "allow_http")
    def _check_odoo_url(self):
        for connection in self.sudo():
            if not connection.odoo_url:
                continue
            try:
                check_url(
                    connection.odoo_url,
                    allow_http=connection.allow_http,
                    allow_private=self._allow_private_addresses(),
                )
            except DealerAddressRefused as error:
                raise ValidationError(translate_error(self.env, error)) from None

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._clean_vals(vals) for vals in vals_list])

    def write(self, vals):
        """Take a connection that changes for untested, and note in chatter what was changed.

        The note has no values: agents read the chatter. A new key alone waits beside one that
        works (``bpo_dealer_connection_candidate.py``).
        """
        vals = self._clean_vals(vals)
        changed = self._get_changed_connection(vals)
        if changed == ["odoo_api_key"] and (working := self._filter_working()):
            working._write_candidate_key(vals)
            return (self - working).write(vals) if self - working else True
        vals = self._prepare_new_key_vals(changed) | vals
        if "key_expires_on" in vals:
            self._forget_reminder()
        if not changed:
            return super().write(vals)
        res = super().write(self._prepare_untested_vals() | vals)
        labels = ", ".join(self._fields[name]._description_string(self.env) for name in changed)
        note = self.env._("The connection was changed: %s.", labels)
        self._message_log_batch(bodies=dict.fromkeys(self.ids, note))
        self._follow_up_changed_connection(changed)
        return res

    def _clean_vals(self, vals):
        """Return ``vals`` with the address in its normal form and no outer blanks."""
        vals = dict(vals)
        for name in ("odoo_db", "odoo_login"):
            if isinstance(vals.get(name), str):
                vals[name] = vals[name].strip()
        if vals.get("odoo_url"):
            try:
                vals["odoo_url"] = normalize_url(vals["odoo_url"])
            except DealerAddressRefused as error:
                raise ValidationError(translate_error(self.env, error)) from None
        return self._clean_certificates(vals)

    def _get_changed_connection(self, vals):
        """Return the names of the connection's fields that ``vals`` changes."""
        connections = self.sudo()
        return [
            name
            for name in CONNECTION_FIELDS
            if name in vals
            and (
                # empty is what forms send back, and its old value is not to be known
                vals[name]
                if name == "odoo_api_key"
                else any(connection[name] != vals[name] for connection in connections)
            )
        ]

    @api.model
    def _prepare_untested_vals(self):
        return {
            "connection_state": "untested",
            "server_version": False,
            "remote_uid": 0,
            "remembered": DealerSession.forgotten(),
            "check_report": False,
            "left_out_fields": False,
            "last_message": False,
            "batch_size": 0,
            **self._prepare_well_vals(),
            **self._prepare_unslowed_vals(),
        }

    def action_forget_api_key(self):
        """Remove the stored keys."""
        self.check_access("write")
        self._drop_candidate_key()
        for connection in self:
            connection._store_api_key(None)
            connection._message_log(body=self.env._("The API key was removed."))
        self.write(self._prepare_untested_vals())

    # ------------------------------------------------------------
    # SETTINGS
    # ------------------------------------------------------------

    @api.model
    def _allow_private_addresses(self):
        value = self.env["ir.config_parameter"].sudo().get_param(PRIVATE_PARAMETER)
        return str2bool(value or "", default=False)

    @api.model
    def _get_proxy(self):
        """Return the proxy that the system parameter names, with its password; None without."""
        return self.env["ir.config_parameter"].sudo().get_param(PROXY_PARAMETER) or None

    @api.private
    def _get_connection_settings(self, fresh=False, seconds=None, candidate=False):
        """Return what ``dealer_api`` needs to reach this dealer; holds the key.

        This method serves as a hook.

        :param bool fresh: leave out who earlier talks found there (version, user id)
        :param float seconds: when the talk has to be over, if before the usual time
        :param bool candidate: with the new key that has not taken over yet
        """
        self.ensure_one()
        connection = self.sudo()
        return ConnectionSettings(
            connection.odoo_url,
            connection.odoo_db,
            connection.odoo_login,
            connection._load_candidate_key() if candidate else connection._load_api_key(),
            protocol=connection.protocol,
            allow_http=connection.allow_http,
            allow_private=connection._allow_private_addresses(),
            ca_certificates=connection.ca_certificates or None,
            proxy=connection._get_proxy(),
            server_version=(not fresh and connection.server_version) or None,
            uid=(not fresh and connection.remote_uid) or None,
            remembered=connection.remembered or None,
            session_timeout=min(SESSION_SECONDS, seconds or SESSION_SECONDS),
            requests_per_second=connection._get_rate(),
        )

    @api.private
    def _get_place(self):
        """Return what tells the Odoo at the other end from others: its address and database."""
        self.ensure_one()
        connection = self.sudo()
        return f"{connection.odoo_url} {connection.odoo_db}"

    @api.private
    def _is_reached_through(self, settings, candidate=False):
        """Tell whether this connection is still the one that ``settings`` were made from.

        What talks taught (version, user id) makes no difference.

        :param bool candidate: they were made with the new key that has not taken over yet
        """
        present = self._get_connection_settings(candidate=candidate)
        return all(
            getattr(present, name) == getattr(settings, name)
            for name in (
                *("url", "database", "login", "api_key", "protocol", "allow_http"),
                "ca_certificates",
            )
        )

    @api.private
    def _get_missing_connection(self):
        """Return ``{connection: [labels of the settings that are not given]}``, in two queries."""
        connections = self.sudo()
        with_key = connections._get_ids_with_api_key()
        labels = {
            "odoo_url": self.env._("Odoo address"),
            "odoo_db": self.env._("database"),
            "odoo_login": self.env._("login"),
        }
        missing = {}
        for connection in connections:
            missing[connection] = [label for name, label in labels.items() if not connection[name]]
            if connection.id not in with_key:
                missing[connection].append(self.env._("API key"))
        return missing

    def _check_manager(self):
        if not self.env.user.has_group(MANAGER):
            raise UserError(self.env._("Only BPO managers may change or use the connection."))

    @api.private
    def _get_record_url(self, model, record_id):
        """Return the address of a record in the dealer's own web client."""
        self.ensure_one()
        connection = self.sudo()
        if not connection.odoo_url or not record_id:
            return False
        major = int((re.search(r"\d+", connection.server_version or "") or ["0"])[0])
        if major >= 18:
            return f"{connection.odoo_url}/odoo/{model}/{record_id}"
        return f"{connection.odoo_url}/web#id={record_id}&model={model}&view_type=form"

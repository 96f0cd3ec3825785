# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
import random
import re
from collections import Counter
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, sql, str2bool

from ..dealer_api import (
    ConnectionSettings,
    DealerAddressRefused,
    check_connection,
    check_url,
    normalize_url,
)
from .dealer_texts import translate

_logger = logging.getLogger(__name__)

MANAGER = "bpo_crm.group_manager"
# Changing one of these makes whatever was learnt about the connection worthless.
CONNECTION_FIELDS = (
    "odoo_url",
    "odoo_db",
    "odoo_login",
    "odoo_api_key",
    "protocol",
    "allow_http",
)
MAX_BACK_OFF = timedelta(minutes=60)
# The longest talk with one dealer. Odoo kills a scheduled action after two minutes by default.
SESSION_SECONDS = 75.0
# Test connection asks the dealer for this many product codes at most.
MAX_CHECKED_CODES = 200
# A message names this many orders at most.
MAX_NAMED = 5


class BpoDealership(models.Model):
    """A dealer branch, and the connection to the Odoo that it runs itself."""

    _name = "bpo.dealership"
    _description = "Dealership"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "name, id"
    _rec_names_search = ["name", "code"]

    name = fields.Char(required=True, tracking=True)
    code = fields.Char(required=True, copy=False, help="Short and unique, for example ATH-01.")
    city = fields.Char()
    region = fields.Char()
    manager_name = fields.Char("Manager", help="Who is addressed in the e-mails about new orders.")
    manager_email = fields.Char(
        help="Told by e-mail about each order that was created for the dealership."
    )
    phone = fields.Char()
    lang = fields.Selection(
        lambda self: self.env["res.lang"].get_installed(),
        string="Language",
        help="The language of the e-mails about new orders; the call centre's own when empty.",
    )
    currency_id = fields.Many2one(
        "res.currency",
        required=True,
        default=lambda self: self.env.company.currency_id,
        help="The currency of the dealership's orders. Leads must be in the same one.",
    )
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one(
        "res.company", index=True, help="Leave empty to share the dealership by all companies."
    )

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
    # Write-only, like the password of users: the value lives in a column of the same name that
    # is no field, so nothing of the ORM (read, search, export, copy, tracking) ever reaches it.
    odoo_api_key = fields.Char(
        "API Key",
        compute="_compute_odoo_api_key",
        inverse="_inverse_odoo_api_key",
        copy=False,
        exportable=False,
        groups=MANAGER,
        help="An API key (or the password) of the login. It can be replaced, never read again.",
    )
    has_api_key = fields.Boolean(
        "API Key Stored", compute="_compute_has_api_key", exportable=False, groups=MANAGER
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
    check_report = fields.Json(readonly=True, copy=False, groups=MANAGER)
    check_report_html = fields.Html(
        "Last Test", compute="_compute_check_report_html", sanitize=False, groups=MANAGER
    )
    paused = fields.Boolean(
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="Orders wait: the dealer's Odoo refuses the login. Test Connection resumes.",
    )
    back_off_count = fields.Integer(readonly=True, copy=False, groups=MANAGER)
    next_attempt = fields.Datetime(
        readonly=True, copy=False, groups=MANAGER, help="Orders wait until then."
    )
    last_push = fields.Datetime(readonly=True, copy=False, groups=MANAGER)

    lead_ids = fields.One2many("crm.lead", "dealership_id", string="Leads")
    order_ids = fields.One2many("bpo.dealer.order", "dealership_id", string="Dealer Orders")
    lead_count = fields.Integer("Number of Leads", compute="_compute_lead_count")
    order_count = fields.Integer(
        "Orders Pushed",
        compute="_compute_order_counts",
        help="Orders that are in the dealership's Odoo.",
    )
    pending_order_count = fields.Integer(
        "Orders Waiting",
        compute="_compute_order_counts",
        help="Orders that go out by themselves as soon as the dealership's Odoo takes them.",
    )
    failed_order_count = fields.Integer(
        "Orders Failed",
        compute="_compute_order_counts",
        help="Orders that the dealership's Odoo refused: somebody has to put them right.",
    )

    _code_uniq = models.UniqueIndex(
        "(upper(btrim(code)))",
        "A dealership with this code exists already (archived ones count too).",
    )

    def init(self):
        """Add the column of the API key, which is deliberately not a field."""
        if not sql.column_exists(self.env.cr, self._table, "odoo_api_key"):
            sql.create_column(self.env.cr, self._table, "odoo_api_key", "varchar")

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    def _compute_odoo_api_key(self):
        self.odoo_api_key = False

    def _inverse_odoo_api_key(self):
        """Store the new keys; an empty value changes nothing, as forms send one back."""
        for dealership in self:
            if key := (dealership.odoo_api_key or "").strip():
                dealership._store_api_key(key)

    def _compute_has_api_key(self):
        with_key = self._get_ids_with_api_key()
        for dealership in self:
            dealership.has_api_key = dealership._origin.id in with_key

    @api.depends("check_report")
    @api.depends_context("lang")
    def _compute_check_report_html(self):
        for dealership in self:
            dealership.check_report_html = dealership._render_check_report()

    def _compute_lead_count(self):
        groups = self.env["crm.lead"]._read_group(
            [("dealership_id", "in", self.ids)], ["dealership_id"], ["__count"]
        )
        counts = dict(groups)
        for dealership in self:
            dealership.lead_count = counts.get(dealership._origin, 0)

    def _compute_order_counts(self):
        groups = self.env["bpo.dealer.order"]._read_group(
            [("dealership_id", "in", self.ids)], ["dealership_id", "state"], ["__count"]
        )
        counts = {(dealership, state): count for dealership, state, count in groups}
        for dealership in self:
            origin = dealership._origin
            dealership.order_count = counts.get((origin, "sent"), 0)
            dealership.pending_order_count = counts.get((origin, "pending"), 0)
            dealership.failed_order_count = counts.get((origin, "failed"), 0)

    # ------------------------------------------------------------
    # CONSTRAINTS AND CRUD
    # ------------------------------------------------------------

    @api.constrains("odoo_url", "allow_http")
    def _check_odoo_url(self):
        for dealership in self.sudo():
            if not dealership.odoo_url:
                continue
            try:
                check_url(
                    dealership.odoo_url,
                    allow_http=dealership.allow_http,
                    allow_private=self._allow_private_addresses(),
                )
            except DealerAddressRefused as error:
                raise ValidationError(self._translate_error(error)) from None

    @api.constrains("company_id")
    def _check_company_of_leads(self):
        """Refuse a company other than that of the leads, hidden and archived ones included."""
        groups = (
            self.env["crm.lead"]
            .sudo()
            .with_context(active_test=False)
            ._read_group(
                [("dealership_id", "in", self.filtered("company_id").ids)],
                ["dealership_id", "company_id"],
                ["__count"],
            )
        )
        foreign = Counter()
        for dealership, company, count in groups:
            if company != dealership.company_id:
                foreign[dealership] += count
        if foreign:
            raise ValidationError(
                self.env._(
                    "These dealerships have leads outside the company, so they cannot be reserved "
                    "for it (number of leads):\n%(dealerships)s\nLeave the company empty, or give "
                    "these leads another dealership first.",
                    dealerships="\n".join(
                        self.env._(
                            "- %(dealership)s, which is to belong to %(company)s: %(count)s",
                            dealership=dealership.name,
                            company=dealership.company_id.name,
                            count=count,
                        )
                        for dealership, count in foreign.items()
                    ),
                )
            )

    @api.constrains("active")
    def _check_no_waiting_orders(self):
        """Refuse to archive while orders wait: they would never be sent, and nobody would know."""
        waiting = (
            self.env["bpo.dealer.order"]
            .sudo()
            ._read_group(
                [
                    ("dealership_id", "in", self.filtered(lambda one: not one.active).ids),
                    ("state", "=", "pending"),
                ],
                ["dealership_id"],
                ["id:recordset"],
            )
        )
        if waiting:
            raise ValidationError(
                self.env._(
                    "Orders wait to be sent, so these dealerships cannot be archived yet:\n"
                    "%(dealerships)s\nPress Test Connection to send them now, or move their leads "
                    "out of Won.",
                    dealerships="\n".join(
                        self.env._(
                            "- %(dealership)s, %(count)s waiting: %(orders)s",
                            dealership=dealership.name,
                            count=len(orders),
                            orders=dealership._name_some(orders),
                        )
                        for dealership, orders in waiting
                    ),
                )
            )

    @api.model
    def _name_some(self, orders):
        """Return the names of the first orders, and that there are more."""
        some = ", ".join(orders.sorted("id")[:MAX_NAMED].mapped("display_name"))
        return f"{some} …" if len(orders) > MAX_NAMED else some

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._clean_vals(vals) for vals in vals_list])

    def write(self, vals):
        """Take a connection that changes for untested, and note in chatter what was changed.

        The note has no values: agents read the chatter.
        """
        vals = self._clean_vals(vals)
        if not (changed := self._get_changed_connection(vals)):
            return super().write(vals)
        res = super().write(self._prepare_untested_vals() | vals)
        labels = ", ".join(self._fields[name]._description_string(self.env) for name in changed)
        note = self.env._("The connection was changed: %s.", labels)
        self._message_log_batch(bodies=dict.fromkeys(self.ids, note))
        return res

    def copy_data(self, default=None):
        vals_list = super().copy_data(default=default)
        for dealership, vals in zip(self, vals_list, strict=True):
            vals.setdefault("code", self._get_free_code(dealership.code))
            if "name" not in (default or {}):
                vals["name"] = self.env._("%s (copy)", dealership.name)
        return vals_list

    def _get_free_code(self, code):
        taken = self.sudo().with_context(active_test=False).search([("code", "=ilike", f"{code}%")])
        codes = {(other.code or "").strip().upper() for other in taken}
        number = 2
        while f"{code}-{number}".upper() in codes:
            number += 1
        return f"{code}-{number}"

    def _clean_vals(self, vals):
        """Return ``vals`` with the address in its normal form and no outer blanks."""
        vals = dict(vals)
        for name in ("code", "odoo_db", "odoo_login", "manager_email"):
            if isinstance(vals.get(name), str):
                vals[name] = vals[name].strip()
        if vals.get("odoo_url"):
            try:
                vals["odoo_url"] = normalize_url(vals["odoo_url"])
            except DealerAddressRefused as error:
                raise ValidationError(self._translate_error(error)) from None
        return vals

    def _get_changed_connection(self, vals):
        """Return the names of the connection's fields that ``vals`` changes."""
        dealerships = self.sudo()
        return [
            name
            for name in CONNECTION_FIELDS
            if name in vals
            and (
                # empty is what forms send back, and its old value is not to be known
                vals[name]
                if name == "odoo_api_key"
                else any(dealership[name] != vals[name] for dealership in dealerships)
            )
        ]

    @api.model
    def _prepare_untested_vals(self):
        return {
            "connection_state": "untested",
            "server_version": False,
            "remote_uid": 0,
            "check_report": False,
            "last_message": False,
            "back_off_count": 0,
            "next_attempt": False,
        }

    # ------------------------------------------------------------
    # API KEY
    # ------------------------------------------------------------

    @api.private
    def _store_api_key(self, key):
        """Write the key to its column, past the ORM and past the log of failed queries."""
        self.ensure_one()
        query = SQL("UPDATE bpo_dealership SET odoo_api_key = %s WHERE id = %s", key, self.id)
        # a failed query (a concurrent write, say) is logged with its values otherwise
        self.env.cr.execute(query, log_exceptions=False)
        self.invalidate_recordset(["odoo_api_key", "has_api_key"])

    @api.private
    def _load_api_key(self):
        """Return the key, for the talk with the dealer only."""
        self.ensure_one()
        rows = self.env.execute_query(
            SQL("SELECT odoo_api_key FROM bpo_dealership WHERE id = %s", self.id)
        )
        return rows[0][0] if rows else None

    @api.private
    def _get_ids_with_api_key(self):
        """Return the ids among ``self`` that have a key stored, in one query."""
        ids = tuple(id_ for id_ in self._origin.ids if id_)
        if not ids:
            return set()
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM bpo_dealership WHERE id IN %s AND odoo_api_key IS NOT NULL",
                ids,
            )
        )
        return {id_ for (id_,) in rows}

    def action_forget_api_key(self):
        """Remove the stored keys."""
        self.check_access("write")
        for dealership in self:
            dealership._store_api_key(None)
            dealership._message_log(body=self.env._("The API key was removed."))
        self.write(self._prepare_untested_vals())

    # ------------------------------------------------------------
    # CONNECTION
    # ------------------------------------------------------------

    @api.model
    def _allow_private_addresses(self):
        value = self.env["ir.config_parameter"].sudo().get_param("bpo_crm.allow_private_addresses")
        return str2bool(value or "", default=False)

    @api.private
    def _get_connection_settings(self, fresh=False):
        """Return what ``dealer_api`` needs to reach this dealership; holds the key.

        :param bool fresh: forget what earlier talks taught (version, user id)
        """
        self.ensure_one()
        dealership = self.sudo()
        return ConnectionSettings(
            dealership.odoo_url,
            dealership.odoo_db,
            dealership.odoo_login,
            dealership._load_api_key(),
            protocol=dealership.protocol,
            allow_http=dealership.allow_http,
            allow_private=dealership._allow_private_addresses(),
            server_version=(not fresh and dealership.server_version) or None,
            uid=(not fresh and dealership.remote_uid) or None,
            session_timeout=SESSION_SECONDS,
        )

    @api.private
    def _get_missing_connection(self):
        """Return ``{dealership: [what its connection lacks]}``, in two queries."""
        dealerships = self.sudo()
        with_key = dealerships._get_ids_with_api_key()
        labels = {
            "odoo_url": self.env._("Odoo address"),
            "odoo_db": self.env._("database"),
            "odoo_login": self.env._("login"),
        }
        missing = {}
        for dealership in dealerships:
            lacks = [label for name, label in labels.items() if not dealership[name]]
            if dealership.id not in with_key:
                lacks.append(self.env._("API key"))
            missing[dealership] = lacks
        return missing

    def action_test_connection(self):
        """Check the connection step by step, keep the report, and resume when all is well."""
        self._check_manager()
        self.check_access("write")
        for dealership in self:
            lacks = dealership._get_missing_connection()[dealership.sudo()]
            if lacks:
                raise UserError(
                    self.env._(
                        "%(dealership)s cannot be tested yet. Fill in first: %(lacks)s.",
                        dealership=dealership.display_name,
                        lacks=", ".join(lacks),
                    )
                )
            report = check_connection(
                dealership._get_connection_settings(fresh=True),
                currency=dealership.currency_id.name,
                product_codes=dealership._get_product_codes_to_check(),
            )
            dealership._store_check_report(report)
        return True

    @api.private
    def _get_product_codes_to_check(self):
        """Return the codes of the products on the open leads of the dealership."""
        groups = (
            self.env["bpo.lead.line"]
            .sudo()
            ._read_group(
                [
                    ("lead_id.dealership_id", "=", self.id),
                    ("lead_id.won_status", "=", "pending"),
                    ("lead_id.active", "=", True),
                    ("product_id.default_code", "!=", False),
                ],
                ["product_id"],
                limit=MAX_CHECKED_CODES,
            )
        )
        return sorted({product.default_code for (product,) in groups})

    @api.private
    def _store_check_report(self, report):
        self.ensure_one()
        lines = [
            {
                "step": line.step,
                "ok": line.ok,
                "code": line.code,
                "details": line.details,
                "text": line.text,
            }
            for line in report.lines
        ]
        failed = next((line for line in lines if line["ok"] is False), None)
        # a product that the dealer lacks concerns the orders with it, not the connection
        connected = all(line.ok for line in report.lines if line.step != "products")
        self.write(
            {
                "connection_state": "connected" if connected else "failed",
                "server_version": report.server_version or self.server_version,
                "remote_uid": report.uid or 0,
                "last_check": fields.Datetime.now(),
                "last_message": self._translate_line(failed) if failed else False,
                "check_report": lines,
            }
        )
        if connected:
            self._resume()

    def _render_check_report(self):
        lines = self.sudo().check_report
        if not lines:
            return False
        steps = self._get_check_steps()
        return self.env["ir.qweb"]._render(
            "bpo_crm.dealership_check_report",
            {
                "lines": [
                    {
                        "step": steps.get(line.get("step")),
                        "ok": line["ok"],
                        "text": self._translate_line(line),
                    }
                    for line in lines
                ]
            },
        )

    @api.model
    def _get_check_steps(self):
        """Return the names of the steps of a connection test."""
        return {
            "address": self.env._("Address"),
            "certificate": self.env._("Certificate"),
            "version": self.env._("Odoo version"),
            "database": self.env._("Database"),
            "login": self.env._("Login"),
            "rights": self.env._("Rights"),
            "currency": self.env._("Currency"),
            "products": self.env._("Products"),
        }

    def _translate_line(self, line):
        return translate(self.env, line["code"], line["details"], line["text"])

    @api.model
    def _translate_error(self, error):
        return translate(self.env, error.code, error.details, str(error))

    # ------------------------------------------------------------
    # PAUSE AND BACK-OFF
    # ------------------------------------------------------------

    @api.private
    def _remember_session(self, answer):
        """Keep what a successful talk told, so that the next one can skip the questions."""
        self.ensure_one()
        vals = {
            "connection_state": "connected",
            "back_off_count": 0,
            "next_attempt": False,
            "last_message": False,
            "last_push": fields.Datetime.now(),
            "server_version": answer.server_version or self.server_version,
            "remote_uid": answer.uid or self.remote_uid,
        }
        self.write({name: value for name, value in vals.items() if self[name] != value})

    @api.private
    def _back_off(self, message):
        """Leave the dealership alone for a while: 1, 2, 4 … 60 minutes, with jitter."""
        self.ensure_one()
        now = fields.Datetime.now()
        delay = min(timedelta(minutes=2 ** min(self.back_off_count, 6)), MAX_BACK_OFF)
        # many dealerships behind one broken line do not all come back at the same second
        next_attempt = now + delay * random.uniform(0.8, 1.2)  # noqa: S311 (no secret)
        self.write(
            {
                "connection_state": "failed",
                "back_off_count": self.back_off_count + 1,
                "next_attempt": next_attempt,
                "last_message": message,
                "last_check": now,
                "last_push": now,
            }
        )
        self.env["bpo.dealer.order"]._trigger_push(at=next_attempt)

    @api.private
    def _pause(self, message):
        """Stop pushing until a manager has acted, and say so once."""
        self.ensure_one()
        now = fields.Datetime.now()
        already_paused = self.paused
        self.write(
            {
                "connection_state": "failed",
                "paused": True,
                "remote_uid": 0,
                "server_version": False,
                "last_message": message,
                "last_check": now,
                "last_push": now,
            }
        )
        if not already_paused:
            # agents read the chatter: the reason stays on the Connection page
            self._message_log(
                body=self.env._(
                    "Orders are paused: the dealership's Odoo refuses the login. "
                    "They are kept, and go out once Test Connection succeeds."
                )
            )
        self._schedule_pause_activity()

    def _schedule_pause_activity(self):
        if self.activity_search(["bpo_crm.mail_activity_type_dealer_paused"]):
            return
        self.activity_schedule(
            "bpo_crm.mail_activity_type_dealer_paused",
            note=self.env._(
                "The dealership's Odoo refuses the login. Look at the Connection page, correct "
                "the login or key, and press Test Connection: the waiting orders then go out."
            ),
            user_id=self._get_responsible_manager().id,
        )

    def _get_responsible_manager(self):
        """Return the BPO manager who is to look after the connection: its last editor at best."""
        managers = self.env["bpo.dealer.order"]._get_managers(self.company_id)
        editors = self.write_uid | self.create_uid
        return (editors & managers or managers)[:1]

    @api.private
    def _resume(self):
        """Let the orders go out again, at once."""
        self.activity_unlink(["bpo_crm.mail_activity_type_dealer_paused"])
        for dealership in self.filtered("paused"):
            dealership._message_log(body=self.env._("Orders go out again."))
        self.write({"paused": False, "back_off_count": 0, "next_attempt": False})
        self.env["bpo.dealer.order"]._trigger_push()

    @api.private
    def _get_order_url(self, remote_id):
        """Return the address of a sale order in the dealer's own web client."""
        self.ensure_one()
        dealership = self.sudo()
        if not dealership.odoo_url or not remote_id:
            return False
        major = int((re.search(r"\d+", dealership.server_version or "") or ["0"])[0])
        if major >= 18:
            return f"{dealership.odoo_url}/odoo/sale.order/{remote_id}"
        return f"{dealership.odoo_url}/web#id={remote_id}&model=sale.order&view_type=form"

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def _check_manager(self):
        if not self.env.user.has_group(MANAGER):
            raise UserError(self.env._("Only BPO managers may change the connection."))

    def action_view_leads(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("crm.crm_lead_opportunities")
        action["domain"] = [("dealership_id", "=", self.id)]
        action["context"] = {"default_dealership_id": self.id, "default_type": "opportunity"}
        return action

    def action_view_orders(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("bpo_crm.bpo_dealer_order_action")
        action["domain"] = [("dealership_id", "=", self.id)]
        action["context"] = {}
        return action

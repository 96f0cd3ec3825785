# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re
from collections import Counter
from email.utils import getaddresses

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import email_normalize, remove_accents

from ..constants import MANAGER
from ..dealer_texts import name_some
from ..engine.dealer_push import new_transaction

# Test connection asks the dealer for this many product codes at most.
MAX_CHECKED_CODES = 200
# A code is shown where there is little room: one that is proposed has this many letters at most.
LONGEST_PROPOSAL = 12


class BpoDealership(models.Model):
    """A dealer branch, whose own Odoo gets the orders of its won leads."""

    _name = "bpo.dealership"
    _description = "Dealership"
    _inherit = ["bpo.dealer.connection"]
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

    push_warning = fields.Char(
        "Attention",
        compute="_compute_push_warning",
        exportable=False,
        groups=MANAGER,
        help="Why no orders go out, where that is not the doing of the dealership's Odoo.",
    )

    _code_uniq = models.UniqueIndex(
        "(upper(btrim(code)))",
        "A dealership with this code exists already (archived ones count too).",
    )

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

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

    @api.depends("key_database_uuid")
    def _compute_push_warning(self):
        silent = self.env["bpo.dealer.order"]._get_silent_text()
        for dealership in self:
            if dealership.is_key_astray:
                dealership.push_warning = self.env._(
                    "The API key was entered in another database, of which this one is a copy: no "
                    "orders are sent from here."
                )
            else:
                dealership.push_warning = silent if dealership.pending_order_count else False

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("manager_email")
    def _check_manager_email(self):
        """Refuse what no e-mail can be sent to: nobody would notice that none arrives."""
        for dealership in self.filtered("manager_email"):
            email = dealership.manager_email
            if not all(email_normalize(address) for _name, address in getaddresses([email])):
                raise ValidationError(
                    self.env._(
                        "%(dealership)s: “%(email)s” is no e-mail address. Several ones are parted "
                        "by commas.",
                        dealership=dealership.name,
                        email=email,
                    )
                )

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
                    "%(dealerships)s\nPress Push Now to send them, or move their leads out of Won.",
                    dealerships="\n".join(
                        self.env._(
                            "- %(dealership)s, %(count)s waiting: %(orders)s",
                            dealership=dealership.name,
                            count=len(orders),
                            orders=name_some(orders.sorted("id")),
                        )
                        for dealership, orders in waiting
                    ),
                )
            )

    # ------------------------------------------------------------
    # ONCHANGES
    # ------------------------------------------------------------

    @api.onchange("name")
    def _onchange_name(self):
        """Propose a code: without one the form cannot be saved, and nobody has thought of it."""
        if not self.code:
            self.code = self._propose_code(self.name)

    @api.model
    def _propose_code(self, name):
        """Return a free code made of the first word of a name; False where it has none."""
        words = re.findall(r"\w+", remove_accents(name or ""))
        if not words:
            return False
        code = words[0].upper()[:LONGEST_PROPOSAL]
        return self._get_free_code(code) if code in self._get_taken_codes(code) else code

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        """Say in words what needs these dealerships, before the database refuses."""
        used = self.browse()
        for model in ("crm.lead", "bpo.dealer.order"):
            records = self.env[model].sudo().with_context(active_test=False)
            groups = records._read_group([("dealership_id", "in", self.ids)], ["dealership_id"])
            used = used.union(*(dealership for (dealership,) in groups))
        if used:
            raise UserError(
                self.env._(
                    "Leads or orders belong to these dealerships, so they cannot be deleted: "
                    "%(dealerships)s. Archive them instead.",
                    dealerships=", ".join((self & used).mapped("name")),
                )
            )

    def copy_data(self, default=None):
        vals_list = super().copy_data(default=default)
        for dealership, vals in zip(self, vals_list, strict=True):
            vals.setdefault("code", self._get_free_code(dealership.code))
            if "name" not in (default or {}):
                vals["name"] = self.env._("%s (copy)", dealership.name)
        return vals_list

    def _get_taken_codes(self, code):
        """Return the codes that begin like this one, as they are compared."""
        taken = self.sudo().with_context(active_test=False).search([("code", "=ilike", f"{code}%")])
        return {(other.code or "").strip().upper() for other in taken}

    def _get_free_code(self, code):
        codes = self._get_taken_codes(code)
        number = 2
        while f"{code}-{number}".upper() in codes:
            number += 1
        return f"{code}-{number}"

    def _clean_vals(self, vals):
        vals = super()._clean_vals(vals)
        for name in ("code", "manager_email"):
            if isinstance(vals.get(name), str):
                vals[name] = vals[name].strip()
        return vals

    # ------------------------------------------------------------
    # CONNECTION
    # ------------------------------------------------------------

    def _prepare_connection_check(self):
        return {
            **super()._prepare_connection_check(),
            "currency": self.currency_id.name,
            "product_codes": self._get_product_codes_to_check(),
            "defaults": self._get_order_defaults(),
        }

    @api.private
    def _get_product_codes_to_check(self):
        """Return the codes that orders of the dealership's open leads would have."""
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
        products = self.env["product.product"].sudo().union(*(group[0] for group in groups))
        codes = self.env["bpo.dealer.product"].sudo()._get_codes(self, products)
        return sorted(set(codes.values()))

    @api.model
    @api.private
    def _get_talkable_domain(self):
        return super()._get_talkable_domain() & Domain("active", "=", True)

    def _log_unreachable(self, hours):
        """Note on the leads whose orders wait why nothing happens; return whether any does."""
        orders = self.env["bpo.dealer.order"].search(
            [("dealership_id", "=", self.id), ("state", "=", "pending")]
        )
        orders._log_on_leads(
            lambda order: order.env._(
                "The order of this lead waits: %(dealership)s has been out of reach for %(hours)s "
                "hours. A BPO manager is asked to look into it. The order goes out by itself as "
                "soon as that is possible; nothing is to be done here.",
                dealership=order.dealership_id.name,
                hours=hours,
            )
        )
        return bool(orders)

    @api.private
    def _on_open(self, at=None):
        self.env["bpo.dealer.order"]._trigger_push(at=at)
        return super()._on_open(at=at)

    def _get_responsible_manager(self):
        """Return the BPO manager who is to look after the connection: its last editor at best."""
        managers = self.env["bpo.dealer.order"]._get_managers()
        if self.company_id:
            managers = managers.filtered(lambda user: self.company_id in user.company_ids)
        return ((super()._get_responsible_manager() & managers) or managers)[:1]

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_push_now(self):
        """Push what waits for these dealerships at once, and say what came of it.

        :raise UserError: the user is no BPO manager, or a dealership is paused
        """
        self._check_manager()
        self.check_access("write")
        self._check_not_on_hold()
        if astray := self.filtered("is_key_astray"):
            raise UserError(
                self.env._(
                    "This is not the database in which the keys of these dealerships were "
                    "entered, but a copy of it, so no orders are sent from here: %(dealerships)s. "
                    "If this database is to send them from now on, press This Database Is the One.",
                    dealerships=", ".join(astray.mapped("name")),
                )
            )
        if paused := self.filtered("paused"):
            raise UserError(
                self.env._(
                    "These dealerships are paused: %(dealerships)s. Correct the login or key and "
                    "press Test Connection; the waiting orders then go out by themselves.",
                    dealerships=", ".join(paused.mapped("name")),
                )
            )
        states = Counter()
        for dealership in self:
            states += self.env["bpo.dealer.order"]._push_now(dealership)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                **self._prepare_pushed_notification(states),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _prepare_pushed_notification(self, states):
        """Return colour, words and stay of what a manager is told after Push Now.

        :param states: ``{state: number of orders}`` of the orders that waited
        """
        if not states:
            return {"type": "info", "message": self.env._("No orders were waiting.")}
        texts = [
            self.env._(
                "Orders sent: %(sent)s, failed: %(failed)s, still waiting: %(pending)s.",
                sent=states["sent"],
                failed=states["failed"],
                pending=states["pending"],
            )
        ]
        if states["pending"]:
            # the pushes were in transactions of their own, which this one does not see
            with new_transaction(self.env) as env:
                texts += [
                    f"{dealership.name}: {dealership.last_message}"
                    for dealership in self.with_env(env)
                    if dealership.last_message
                ]
        return {
            "type": "danger" if states["failed"] else "warning" if states["pending"] else "success",
            "message": " ".join(texts),
            "sticky": bool(states["failed"] or states["pending"]),
        }

    def action_confirm_database(self):
        """Say that this database is the one whose orders these dealerships get.

        :raise UserError: the user is no BPO manager
        """
        self._check_manager()
        self.check_access("write")
        astray = self.filtered("is_key_astray")
        if astray:
            astray._adopt_api_key()
            note = self.env._(
                "%(user)s said that this database is the one that sends orders to the dealership.",
                user=self.env.user.name,
            )
            astray._message_log_batch(bodies=dict.fromkeys(astray.ids, note))
            astray._on_open()
        return True

    @api.model
    def action_confirm_database_everywhere(self):
        """Say so for all dealerships that the user may see, archived ones included."""
        self._check_manager()
        dealerships = self.with_context(active_test=False).search([("is_key_astray", "=", True)])
        return dealerships.action_confirm_database()

    def action_view_leads(self):
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm.crm_lead_opportunities")
        action["domain"] = [("dealership_id", "=", self.id)]
        action["context"] = {"default_dealership_id": self.id, "default_type": "opportunity"}
        return action

    def action_view_orders(self):
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("bpo_crm.bpo_dealer_order_action")
        action["domain"] = [("dealership_id", "=", self.id)]
        action["context"] = {}
        return action

# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the addon's models extend: as much of Odoo's own models as they use here."""

from odoo import fields, models


class MailThread(models.Model):
    """Chatter, kept as rows."""

    _name = "mail.thread"

    def _message_log_batch(self, bodies, **options):
        log = self.env["mail.message"]
        log.create(
            [
                {"model": self._name, "res_id": record_id, "body": body}
                for record_id, body in bodies.items()
            ]
        )

    def _message_log(self, body, **options):
        self._message_log_batch(dict.fromkeys(self.ids, body))


class MailActivityMixin(models.Model):
    """Activities, kept as rows."""

    _name = "mail.activity.mixin"

    def activity_search(self, xml_ids):
        found = self.env["mail.activity"].search([("res_id", "in", self.ids)])
        return found.filtered(
            lambda one: one.res_model == self._name and one.activity_type_id in xml_ids
        )

    def activity_unlink(self, xml_ids):
        found = self.activity_search(xml_ids)
        if found:
            found.unlink()

    def activity_schedule(self, xml_id, note="", user_id=False):
        self.env["mail.activity"].create(
            [
                {
                    "activity_type_id": xml_id,
                    "note": note,
                    "res_model": self._name,
                    "res_id": record_id,
                    "user_id": user_id,
                }
                for record_id in self.ids
            ]
        )


class MailMessage(models.Model):
    """A message in chatter."""

    _name = "mail.message"

    model = fields.Char()
    res_id = fields.Integer()
    body = fields.Text()


class MailActivity(models.Model):
    """Asks somebody to do something."""

    _name = "mail.activity"

    activity_type_id = fields.Char()
    summary = fields.Char()
    note = fields.Text()
    automated = fields.Boolean()
    date_deadline = fields.Date()
    res_model = fields.Char(default="crm.lead")
    res_model_id = fields.Integer()
    res_id = fields.Integer()
    user_id = fields.Integer()


class MailMail(models.Model):
    """An e-mail in the queue."""

    _name = "mail.mail"

    order_id = fields.Integer()
    # what the simulation knows about the order at that moment
    serial = fields.Integer()
    truth = fields.Char()


class ResCurrency(models.Model):
    """A currency."""

    _name = "res.currency"

    name = fields.Char()

    def format(self, amount):
        return f"{amount:.2f} {self.name}"

    def round(self, amount):
        return round(amount, 2)


class ResCompany(models.Model):
    """Our company."""

    _name = "res.company"

    name = fields.Char()
    currency_id = fields.Many2one("res.currency")


class ResUsers(models.Model):
    """A user: an agent or a manager."""

    _name = "res.users"

    name = fields.Char()
    lang = fields.Char()
    active = fields.Boolean(default=True)
    share = fields.Boolean()
    is_manager = fields.Boolean()
    company_ids = fields.Many2one("res.company")

    def has_group(self, group):
        return self.is_manager

    def _is_superuser(self):
        return False

    def _bus_send(self, kind, message):
        """Tell a browser; nobody looks."""


class CrmTeam(models.Model):
    """A sales team."""

    _name = "crm.team"

    name = fields.Char()
    user_id = fields.Many2one("res.users")


class ResPartner(models.Model):
    """A contact of ours."""

    _name = "res.partner"

    name = fields.Char()


class ResCountry(models.Model):
    """A country."""

    _name = "res.country"

    code = fields.Char()


class ResCountryState(models.Model):
    """A state."""

    _name = "res.country.state"

    code = fields.Char()


class ProductProduct(models.Model):
    """A product of ours."""

    _name = "product.product"

    name = fields.Char()
    default_code = fields.Char()


class BpoPipeline(models.Model):
    """A pipeline; whether its won leads are pushed is all that counts here."""

    _name = "bpo.pipeline"

    push_orders = fields.Boolean(default=True)


class IrConfigParameter(models.Model):
    """Settings."""

    _name = "ir.config_parameter"

    key = fields.Char()
    value = fields.Char()

    def get_param(self, key, default=False):
        return self.search([("key", "=", key)]).value or default

    def set_param(self, key, value):
        self.search([("key", "=", key)]).write({"value": value})


class IrCron(models.Model):
    """The scheduler."""

    _name = "ir.cron"

    def _commit_progress(self, processed=0, remaining=0):
        return 1


class IrModel(models.Model):
    """The models."""

    _name = "ir.model"

    def _get(self, name):
        return self.browse(1)


class CrmLead(models.Model):
    """A lead: who the customer is, and whether it is won.

    :ivar truth: names the lead for the simulation; no product code reads it, but for its being in
        the name
    :ivar wanted: what the simulation expects at the dealer since the lead was won last
    """

    _name = "crm.lead"
    _inherit = ["mail.thread", "mail.activity.mixin"]

    name = fields.Char()
    type = fields.Char(default="opportunity")
    active = fields.Boolean(default=True)
    contact_name = fields.Char()
    partner_name = fields.Char()
    partner_id = fields.Many2one("res.partner")
    email_normalized = fields.Char()
    phone = fields.Char()
    phone_sanitized = fields.Char()
    street = fields.Char()
    street2 = fields.Char()
    zip = fields.Char()
    city = fields.Char()
    country_id = fields.Many2one("res.country")
    state_id = fields.Many2one("res.country.state")
    user_id = fields.Many2one("res.users")
    team_id = fields.Many2one("crm.team")
    company_id = fields.Many2one("res.company")
    company_currency = fields.Many2one("res.currency")
    pipeline_id = fields.Many2one("bpo.pipeline")
    closed_status = fields.Char()
    create_date = fields.Datetime()
    # stored related fields of the order are columns of the lead: writing one writes the other
    order_columns = fields.Json()
    truth = fields.Char()
    aliases = fields.Json()
    wanted = fields.Json()

    def _get_move_rules(self):
        return []

    def _follow_up_move(self, origins):
        return None

    def _sort_by_confidence_level(self, reverse=False):
        return self.sorted(reverse=reverse)

    def _merge_opportunity(self, user_id=False, team_id=False, auto_unlink=True, max_length=5):
        """Merge as stock does, as far as orders and units go."""
        head, *tails = self._sort_by_confidence_level(reverse=True)
        tails = head.browse(tail.id for tail in tails)
        truths = {tail.dealer_order_id.id: tail.truth for tail in tails}
        head._merge_dependences(tails)
        aliases = [truths[order.id] for order in head.dealer_order_ids if order.id in truths]
        head.write({"aliases": [*(head.aliases or ()), *aliases]})
        if auto_unlink:
            tails.unlink()
        return head

    def _merge_dependences(self, opportunities):
        return None

    def _merge_dependences_requests(self, opportunities):
        """Nobody has service requests here."""

    def write(self, vals):
        """Guard the dealership as ``crm_lead.py`` does."""
        if "dealership_id" in vals:
            self._check_dealership_change(vals["dealership_id"])
        return super().write(vals)


class BpoDealerOrder(models.Model):
    """What Odoo does with stored related fields when an order is written."""

    _name = "bpo.dealer.order"

    create_date = fields.Datetime()

    def _follow_write(self, record_id, row, changed):
        if {"state", "remote_id", "remote_name"}.intersection(changed):
            row = self.env.transaction.get("bpo.dealer.order", record_id)
            columns = {name: row.get(name) for name in ("state", "remote_id", "remote_name")}
            lead = self.env.transaction.get("crm.lead", row["lead_id"])
            if lead is not None and lead.get("order_columns") != columns:
                self.env.transaction.update("crm.lead", lead["id"], {"order_columns": columns})


class BpoDealership(models.Model):
    """What Odoo gives every record, and where the key is stored."""

    _name = "bpo.dealership"

    create_date = fields.Datetime()
    check_report = fields.Json()
    write_uid = fields.Many2one("res.users")
    create_uid = fields.Many2one("res.users")

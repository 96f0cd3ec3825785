# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import api, fields, models

from ..dealer_api import DealerAccessRefused, DealerUnreachable
from ..models.dealer_texts import translate_error
from ..models.stage.bpo_pipeline import ADOPTION_NOTES
from .plan import History
from .writer import HistoryWriter

# What nobody is to follow up: these deals are long past.
QUIETLY = {
    "tracking_disable": True,
    "mail_create_nosubscribe": True,
    "mail_activity_quick_update": True,
    "bpo_crm_no_push": True,
}
FAR_AWAY = timedelta(days=3650)


class BpoDemo(models.AbstractModel):
    """Demo data that is computed: a year of a call centre's work, and dealerships in all states.

    Called once, from the demo data. What is written is dated by SQL afterwards: the ORM knows only
    of now.
    """

    _name = "bpo.demo"
    _description = "Demo Data"

    # ------------------------------------------------------------
    # STOCK'S DEMO DATA
    # ------------------------------------------------------------

    @api.model
    def _set_stock_demo_aside(self):
        """Archive the leads and products of stock's demo data, and forget what is said of them.

        They are there for other addons' demo data and tests; the filter *Archived* shows them.
        """
        leads = self._get_records_of("crm", "crm.lead")
        products = self._get_records_of("product", "product.template")
        products |= self._get_records_of("product", "product.product").product_tmpl_id
        products.with_context(**QUIETLY).action_archive()
        shown = leads.filtered("active").with_context(**QUIETLY)
        # archived at 0 is lost
        shown.filtered(lambda lead: not lead.probability).write({"probability": 1})
        shown.write({"active": False})
        # out of the reports, too
        self.env.cr.execute("DELETE FROM bpo_stage_entry WHERE lead_id = ANY(%s)", [leads.ids])
        self.env["bpo.stage.entry"].invalidate_model(flush=False)
        # what was decided about a CRM in use is of no interest in one that never was
        self.env["ir.config_parameter"].set_param(ADOPTION_NOTES, False)

    def _get_records_of(self, module, model):
        """Return the records of a model that a module's data have created."""
        data = self.env["ir.model.data"].search([("module", "=", module), ("model", "=", model)])
        return self.env[model].browse(data.mapped("res_id")).exists()

    # ------------------------------------------------------------
    # HISTORY
    # ------------------------------------------------------------

    @api.model
    def _create_history(self):
        """Write a year of deals, orders and service requests, and what the dealerships are now."""
        env = self.with_context(**QUIETLY).env
        orders = HistoryWriter(env).write_all(History(fields.Datetime.now()))
        self._close_dealerships(orders)

    # ------------------------------------------------------------
    # DEALERSHIPS
    # ------------------------------------------------------------

    def _close_dealerships(self, orders):
        """Let one dealership be out of reach, and one have paused: its key has expired.

        The third one has no connection. Those of the other two lead nowhere: names that end in
        ``.invalid`` are never given to anybody (RFC 2606), and the keys are none.
        """
        hillside, lakeside, harbour = (
            self.env.ref(f"bpo_crm.dealership_{name}")
            for name in ("hillside", "lakeside", "harbour")
        )
        later = fields.Datetime.now() + FAR_AWAY
        (hillside | lakeside | harbour).write({"next_survey": later, "next_product_check": later})
        unreachable = DealerUnreachable(
            "connect_timeout", request_sent=False, host="odoo.hillside-cars.invalid"
        )
        # by now it is asked once an hour only
        hillside.write(
            {"failing_since": fields.Datetime.now() - timedelta(hours=5), "back_off_count": 9}
        )
        hillside._back_off(translate_error(self.env, unreachable))
        refused = DealerAccessRefused("login_refused")
        lakeside._pause(translate_error(self.env, refused))
        for dealership, error in ((hillside, unreachable), (lakeside, refused)):
            orders.filtered(
                lambda order, one=dealership: order.dealership_id == one
            )._write_waiting(error)

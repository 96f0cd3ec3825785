# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.fields import Domain


class BpoPipeline(models.Model):
    """What is to be done before the first order is at a dealer, for managers, on the board.

    Whether a step is done is read from the data each time: nothing is ticked that is not so.
    """

    _inherit = "bpo.pipeline"

    @api.model
    def get_first_steps(self):
        """Return the steps to the first order at a dealer, in order.

        :return: a list of ``{"name", "title", "text", "done", "action"}``, the last an external
            id; ``view`` and ``res_id`` where it is to open a form, ``context`` with what is known
            for a new one. Empty for those who may not arrange pipelines, and once a dealer has an
            order: there is nothing left to do then.
        """
        if not self.has_access("write") or self._has_sent_orders():
            return []
        return self._get_first_steps()

    @api.model
    def _has_sent_orders(self):
        # without an order: by the id of millions it would be slow where few are sent
        return bool(self.env["bpo.dealer.order"].search_count([("state", "=", "sent")], limit=1))

    @api.model
    def _get_first_steps(self):
        """Return the steps, the last one among them.

        This method serves as a hook for steps of another addon.
        """
        return [
            self._get_step_pipeline(),
            self._get_step_stages(),
            self._get_step_dealership(),
            self._get_step_connection(),
            self._get_step_order(),
        ]

    @api.model
    def _get_step_pipeline(self):
        return {
            "name": "pipeline",
            "title": self.env._("Pipeline"),
            "text": self.env._("Let a pipeline create dealer orders."),
            "done": bool(self.search_count([("push_orders", "=", True)], limit=1)),
            "action": "bpo_crm.bpo_pipeline_action_config",
        }

    @api.model
    def _get_step_stages(self):
        """Done when leads can be worked, won and lost in a pipeline that creates orders."""
        pipelines = self.search([("push_orders", "=", True)])
        stages = self.env["crm.stage"].search([("pipeline_id", "in", pipelines.ids)])
        return {
            "name": "stages",
            "title": self.env._("Stages"),
            "text": self.env._("Give it the stages of your work, a Won and a Lost one."),
            "done": any(
                any(stage.is_won for stage in of_pipeline)
                and any(stage.is_lost for stage in of_pipeline)
                and any(not stage.is_won and not stage.is_lost for stage in of_pipeline)
                for of_pipeline in stages.grouped("pipeline_id").values()
            ),
            "action": "crm.crm_stage_action",
        }

    @api.model
    def _get_step_dealership(self):
        step = {
            "name": "dealership",
            "title": self.env._("Dealership"),
            "text": self.env._("Add one, with the address and the key of its Odoo."),
            "done": bool(self.env["bpo.dealership"].search_count([], limit=1)),
            "action": "bpo_crm.bpo_dealership_action",
        }
        # what is in an empty list everybody knows: the first one is entered at once
        return step if step["done"] else step | {"view": "form"}

    @api.model
    def _get_step_connection(self):
        dealerships = self.env["bpo.dealership"]
        connected = Domain("connection_state", "=", "connected")
        step = {
            "name": "connection",
            "title": self.env._("Connection"),
            "text": self.env._("Test the connection; it says what is missing there."),
            "done": bool(dealerships.search_count(connected, limit=1)),
            "action": "bpo_crm.bpo_dealership_action",
        }
        if not step["done"] and (untested := dealerships.search(~connected, limit=1)):
            step |= {"view": "form", "res_id": untested.id}
        return step

    @api.model
    def _get_step_order(self):
        step = {
            "name": "order",
            "title": self.env._("First order"),
            "text": self.env._("Win a deal of that dealership: its order appears there."),
            "done": False,
        }
        if self.env["bpo.dealer.order"].search_count([], limit=1):
            return step | {"action": "bpo_crm.bpo_dealer_order_action"}
        step |= {"action": "bpo_crm.crm_lead_action_board", "view": "form"}
        connected = self.env["bpo.dealership"].search(
            [("connection_state", "=", "connected")], limit=2
        )
        if len(connected) == 1:
            step["context"] = {"default_dealership_id": connected.id}
        return step

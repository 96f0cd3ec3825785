# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

from ..constants import SEND_NOW

# The value of the context key below, which only code can give: RPC has no such object.
UNDO = object()
UNDO_KEY = "bpo_crm_undo"


class CrmLead(models.Model):
    """Taking back a win or a loss: what each lead was before, and the way back to it.

    Who may, and until when, is said in ``wizards/bpo_undo.py``.
    """

    _inherit = "crm.lead"

    def _is_being_undone(self):
        return self.env.context.get(UNDO_KEY) is UNDO

    def _get_undo_values(self, origins, vals, status):
        """Return ``{lead id: values that bring it back}`` of leads that are about to be closed.

        Of none where nobody can be offered to: the superuser looks at no screen, and what is
        archived, or new, has no place on a board to go back to.

        :param dict origins: ``{lead: Origin}``
        :param dict vals: what is about to be written
        :param status: what the leads become: "won", "lost" or False
        """
        orders = self.env["bpo.dealer.order"]
        if (
            not status
            or self._is_being_undone()
            or self.env.user._is_superuser()
            or not orders._get_undo_seconds()
            or (status == "won" and self.env.context.get(SEND_NOW))
        ):
            return {}
        return {
            lead.id: lead._prepare_undo(origins[lead], vals)
            for lead in self
            if lead.active and lead.stage_id and origins[lead].status != status
        }

    def _prepare_undo(self, origin, vals):
        """Return the values that bring this lead back to where and what it is now.

        :param Origin origin: where it is now
        :param dict vals: what is about to be written
        """
        self.ensure_one()
        values = {
            "stage_id": origin.stage.id,
            "date_closed": fields.Datetime.to_string(self.date_closed),
        }
        if "pipeline_id" in vals:
            values["pipeline_id"] = self.pipeline_id.id
        if origin.status == "lost":
            values.update(lost_reason_id=self.lost_reason_id.id, lost_note=self.lost_note)
        elif not origin.status and not self.is_automated_probability:
            # typed in; scoring finds its own again
            values.update(
                probability=self.probability, automated_probability=self.automated_probability
            )
        return values

    def _offer_undo(self, undo_values):
        """Offer to take these leads back, which were closed by a move.

        :param dict undo_values: see :meth:`_get_undo_values`
        """
        if undo_values:
            self.env["bpo.undo"]._note(
                {
                    lead.id: {"closed_in": lead.stage_id.id, "before": undo_values[lead.id]}
                    for lead in self
                    if lead.id in undo_values
                }
            )

    def _take_back(self, values):
        """Bring closed leads back to what they were.

        :param dict values: see :meth:`_prepare_undo`
        """
        leads = self.with_context(**{UNDO_KEY: UNDO})
        leads.write(dict(values))
        # stock dates each win anew
        date_closed = fields.Datetime.to_datetime(values["date_closed"])
        if any(lead.date_closed != date_closed for lead in leads):
            leads.write({"date_closed": date_closed})
        if "probability" not in values:
            # computed with the write, when scoring still counted these leads as closed
            leads.env.add_to_compute(leads._fields["probability"], leads)

    def _unschedule_entry_activities(self, moment):
        """Remove what the stages that these leads are in have scheduled when they were entered.

        Unless it is done, or somebody has changed it since.

        :param datetime moment: when the transaction in which they were entered began, which is
            what all records say that were created in it
        """
        stages = self.stage_id.filtered(lambda stage: stage.sudo().entry_activity_type_id)
        if not stages:
            return
        scheduled = (
            self.env["mail.activity"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_id", "in", self.ids),
                    ("activity_type_id", "in", stages.sudo().entry_activity_type_id.ids),
                    ("automated", "=", True),
                    ("create_date", "=", moment),
                ]
            )
        )
        scheduled.filtered(lambda activity: activity.write_date == moment).unlink()

    def _get_rules_of_undo(self):
        """Return the rules that hold for leads that come back to an open stage; None in any move.

        They have been there: what is to be known there, and that leads only go forward, was no
        matter when they left.
        """
        if self._is_being_undone() and not any(lead.closed_status for lead in self):
            return [self._get_problems_pipeline]
        return None

# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from contextlib import contextmanager

from odoo import api, models
from odoo.fields import Domain

from .bpo_service_request import CLOSED_STATUSES


class BpoServiceRequest(models.Model):
    """Moving a request: who moves where, what is checked, and what follows."""

    _inherit = "bpo.service.request"

    def _write_place(self, vals):
        """Write ``vals``, a service or a stage among them, on requests that move by it or not."""
        if "stage_id" not in vals:
            return self._write_service(vals)
        if "service_id" in vals:
            self._check_new_service(vals["service_id"])
        moving = self.filtered(lambda request: request.stage_id.id != vals["stage_id"])
        if staying := self - moving:
            kept = {name: value for name, value in vals.items() if name != "stage_id"}
            with staying._keeping_limits(kept):
                staying._write_stage(kept)
        return moving._write_move(vals) if moving else True

    def _write_service(self, vals):
        """Change the service alone: requests that change start again in its default stage."""
        changing = self.filtered(lambda request: request.service_id.id != vals["service_id"])
        if staying := self - changing:
            staying._write_stage(dict(vals))
        if not changing:
            return True
        changing._check_new_service(vals["service_id"])
        stage = self.env["bpo.service"].browse(vals["service_id"]).default_stage_id
        # also those in a shared stage: it is entered anew
        return changing._write_move({**vals, "stage_id": stage.id})

    def _write_move(self, vals):
        """Write ``vals``, a stage among them, on requests that enter it: the path of every move.

        :raise ValidationError: listing, per request, what the stage asks for
        """
        origins = {request: request.stage_id for request in self}
        res = self._write_stage(vals)
        self._complete_move(origins)
        return res

    @contextmanager
    def _keeping_limits(self, vals):
        """Write inside on requests that stay where they are, within the limit of their stage."""
        limit_keys = self._get_limit_keys(vals)
        yield
        self._check_limits_kept(limit_keys)

    def _complete_move(self, origins):
        """Check the requests in their new stage, and follow their moves up."""
        self._check_move(origins)
        self._follow_up_move(origins)

    def _follow_up_move(self, origins):
        """Do what follows from a move that was written and checked, in the same transaction.

        This method serves as a hook: it gets the batch, so it should take a constant number of
        queries; what it raises undoes the move.

        :param dict origins: ``{request: the stage it was in}``, empty for new ones
        """
        self._schedule_entry_activities(origins)

    def _check_move(self, origins):
        """Check the requests in their new stage, as a batch, after the move was written.

        :param dict origins: ``{request: the stage it was in}``, empty for new ones
        """
        problems = {request: [] for request in self} | self._get_problems_entry(origins)
        are_new = not all(origins.values())
        self._raise_problems(problems, self._get_refusal(problems, are_new))

    # ------------------------------------------------------------
    # LIMITS
    # ------------------------------------------------------------

    @api.model
    def _get_domain_open_in_stage(self):
        return self._get_domain_open() & Domain("active", "=", True)

    def _is_open_in_stage(self):
        return self.active and self.status not in CLOSED_STATUSES

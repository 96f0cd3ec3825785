# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re

from odoo import Command, api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

ICON_CLASS = re.compile(r"(fa )?fa-[a-z0-9]+(-[a-z0-9]+)*")


class CrmStage(models.Model):
    """Stages as steps of services.

    A stage may serve several services, each with its own order of stages. Who looks at one
    service says so by the context key ``bpo_crm_service_id``: searches then come in the order of
    that service, new stages become steps of it, and dragging reorders it.
    """

    _inherit = "crm.stage"

    service_line_ids = fields.One2many("bpo.service.stage", "stage_id")
    service_ids = fields.Many2many(
        "bpo.service",
        string="Services",
        compute="_compute_service_ids",
        inverse="_inverse_service_ids",
        search="_search_service_ids",
        help="The services this stage is a step of; each has its own order of steps.",
    )
    icon = fields.Char(
        prefetch=False, help="Shown beside the name of a service stage; a Font Awesome class."
    )
    status_on_enter = fields.Selection(
        selection=lambda self: (
            self.env["bpo.service.request"]._fields["status"]._description_selection(self.env)
        ),
        string="Sets Status",
        help="Requests that enter this stage take this status; leave empty to keep theirs.",
    )
    service_sequence = fields.Integer(
        compute="_compute_service_sequence",
        help="The place of the stage in the service at hand (context bpo_crm_service_id).",
    )

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("service_line_ids.service_id")
    def _compute_service_ids(self):
        for stage in self:
            stage.service_ids = stage.service_line_ids.service_id

    def _inverse_service_ids(self):
        """Attach these stages to services, as their last step, and detach; hidden ones stay."""
        wanted = {stage: stage.service_ids for stage in self}
        for stage, services in wanted.items():
            lines = stage.service_line_ids
            if self.env.context.get("active_test", True):
                lines = lines.filtered("service_id.active")
            gone = lines.filtered(lambda line, services=services: line.service_id not in services)
            missing = services - lines.service_id
            gone.unlink()
            stage.service_line_ids = [
                Command.create({"service_id": service.id}) for service in missing
            ]

    def _search_service_ids(self, operator, value):
        return self.env["bpo.service.stage"]._search_through(
            "service_line_ids", "service_id", operator, value
        )

    @api.depends("service_line_ids.sequence")
    @api.depends_context("bpo_crm_service_id")
    def _compute_service_sequence(self):
        lines = self._get_context_service().stage_line_ids
        places = {line.stage_id.id: line.sequence for line in lines}
        for stage in self:
            stage.service_sequence = places.get(stage._origin.id, 0)

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("icon")
    def _check_icon(self):
        for stage in self:
            if stage.icon and not ICON_CLASS.fullmatch(stage.icon):
                raise ValidationError(
                    self.env._(
                        "“%(icon)s” is not a Font Awesome class, such as fa-inbox.", icon=stage.icon
                    )
                )

    @api.constrains("stage_type")
    def _check_type_in_services(self):
        attached = self.sudo().filtered(
            lambda stage: stage.stage_type != "service" and stage.service_line_ids
        )
        if attached:
            raise ValidationError(
                self.env._(
                    "These stages are part of services; take them out there first: %(stages)s.",
                    stages=", ".join(attached.mapped("display_name")),
                )
            )

    # ------------------------------------------------------------
    # ORM
    # ------------------------------------------------------------

    @api.model
    def default_get(self, fields):
        """Make a stage created on a service's board, or in a request of it, one of its steps."""
        values = super().default_get(fields)
        if service_id := self.env.context.get("bpo_crm_service_id"):
            service_values = {
                "stage_type": "service",
                "service_ids": [Command.link(service_id)],
            }
            values.update({name: value for name, value in service_values.items() if name in fields})
        return values

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        """Order by the place in the service at hand first, if there is one."""
        terms = super()._order_field_to_sql(alias, field_name, direction, nulls, query)
        if field_name != "sequence" or not (service := self._get_context_service()):
            return terms
        place = self._join_place(alias, query, service)
        query._order_groupby.append(place)
        return SQL("%s %s NULLS LAST, %s", place, direction, terms)

    def _join_place(self, alias, query, service):
        """Join the places in a service to a query of stages; return the place as SQL."""
        line_fields = self.env["bpo.service.stage"]._fields
        places = query.make_alias(alias, "bpo_service_stage")
        query.add_join(
            "LEFT JOIN",
            places,
            "bpo_service_stage",
            SQL(
                "%s = %s AND %s = %s",
                SQL.identifier(places, "stage_id", to_flush=line_fields["stage_id"]),
                SQL.identifier(alias, "id"),
                SQL.identifier(places, "service_id", to_flush=line_fields["service_id"]),
                service.id,
            ),
        )
        return SQL.identifier(places, "sequence", to_flush=line_fields["sequence"])

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_take_out(self):
        """Take this stage out of the service whose board asks for it (``bpo_crm_service_id``).

        :return: the action of the *Move and take out* dialog where requests are in the stage,
            else False: it is out
        """
        self.check_access("write")
        service = self._get_context_service()
        lines = service.stage_line_ids.filtered(lambda line: line.stage_id in self)
        if lines._get_usage():
            action = self.action_move_and_archive()
            return {
                **action,
                "name": self.env._("Move and take out"),
                "context": {**action["context"], "default_service_id": service.id},
            }
        lines.unlink()
        return False

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    @api.model
    def _get_context_service(self):
        """Return the service whose board or workflow is at hand, if any."""
        return self.env["bpo.service"].browse(self.env.context.get("bpo_crm_service_id") or [])

    def _reorder(self):
        """Put these stages into their places in the service at hand, else in their pipeline."""
        if service := self._get_context_service():
            return service._reorder_stages(self)
        return super()._reorder()

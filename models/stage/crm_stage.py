# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import LazyTranslate

from .bpo_pipeline import get_free_copy_name

_lt = LazyTranslate(__name__)


class StageInUseError(UserError):
    """A stage cannot go while records are in it; the web client offers *Move and archive*.

    Where it is only one service that the stage cannot leave, the offer is to move the requests
    of that service and take the stage out of it.
    """

    def __init__(self, message, stages, service=None):
        super().__init__(message)
        # Sent along to the web client, which picks its dialog by exception_class.
        self.context = {"exception_class": "bpo_crm.stage_in_use", "stage_ids": stages.ids}
        if service:
            self.context["service_id"] = service.id


class CrmStage(models.Model):
    """The one Stages resource, shared by deals (scoped to a pipeline) and services.

    Won and lost are recognised by the flags, never by names. The flags decide what happens to
    the leads that *enter* the stage; what a lead became is kept on the lead itself
    (``crm.lead.closed_status``), so that clearing a flag does not rewrite history.
    """

    _name = "crm.stage"
    _inherit = ["crm.stage", "bpo.unique.name", "bpo.ordered"]
    _unique_name_scope = ("stage_type", "pipeline_id")

    sequence = fields.Integer(default=None, copy=False)
    active = fields.Boolean(
        default=True, help="Archive a stage that is no longer used; it must be empty."
    )
    stage_type = fields.Selection(
        [("deal", "Deals"), ("service", "Services")],
        string="Type",
        required=True,
        default="deal",
        index=True,
        help="Deals: a column on the board of one pipeline. Services: a step of service requests.",
    )
    pipeline_id = fields.Many2one(
        "bpo.pipeline",
        compute="_compute_pipeline_id",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        ondelete="restrict",
        # the group of service stages, where stages are grouped by pipeline
        falsy_value_label=_lt("Services"),  # pylint: disable=translation-field
        help="The pipeline on whose board this stage is a column.",
    )
    is_won = fields.Boolean(
        "Is Won Stage",
        help="A lead entering this stage is won; where its pipeline creates dealer orders, "
        "the order is sent to the dealership. At most one per pipeline.",
    )
    is_lost = fields.Boolean(
        "Is Lost Stage",
        help="A lead entering this stage is lost, and a lost reason is asked for. "
        "At most one per pipeline.",
    )
    fold = fields.Boolean(
        "Folded in Kanban",
        help="The column starts collapsed on the board: made for closing stages.",
    )
    # stock has it translated nowhere
    color = fields.Integer(
        aggregator=None,
        export_string_translation=True,
        help="The color of the column and of its badges.",
    )
    configuration_warning = fields.Char(
        "Warning",
        compute="_compute_configuration_warning",
        compute_sudo=True,
        help="What the pipeline of this stage lacks so that its leads can be won and lost.",
    )
    # Archived stages count for names: bringing one back must never fail or confuse.
    _name_pipeline_uniq = models.UniqueIndex(
        "(pipeline_id, lower(btrim(name->>'en_US'))) WHERE stage_type = 'deal'",
        "A stage of this name exists already in this pipeline (archived ones count too). "
        "Choose another name, or unarchive the other stage.",
    )
    _name_service_uniq = models.UniqueIndex(
        "(lower(btrim(name->>'en_US'))) WHERE stage_type = 'service'",
        "A service stage of this name exists already (archived ones count too). "
        "Attach that one to your service, or choose another name.",
    )
    _one_won_per_pipeline = models.UniqueIndex(
        "(pipeline_id) WHERE is_won AND active",
        "Another stage of this pipeline is its Won stage already. Clear Is Won Stage there first.",
    )
    _one_lost_per_pipeline = models.UniqueIndex(
        "(pipeline_id) WHERE is_lost AND active",
        "Another stage of this pipeline is its Lost stage already. "
        "Clear Is Lost Stage there first.",
    )
    _won_xor_lost = models.Constraint(
        "CHECK (NOT (COALESCE(is_won, FALSE) AND COALESCE(is_lost, FALSE)))",
        "A stage cannot be both the Won and the Lost stage.",
    )
    _flags_on_deal_stages = models.Constraint(
        "CHECK (stage_type = 'deal' OR NOT (COALESCE(is_won, FALSE) OR COALESCE(is_lost, FALSE)))",
        "Only deal stages can be a Won or Lost stage.",
    )
    _pipeline_on_deal_stages = models.Constraint(
        "CHECK ((stage_type = 'deal') = (pipeline_id IS NOT NULL))",
        "A deal stage belongs to a pipeline; a service stage does not.",
    )

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("stage_type")
    def _compute_pipeline_id(self):
        deals = self.filtered(lambda stage: stage.stage_type == "deal")
        (self - deals).pipeline_id = False
        astray = deals.filtered(lambda stage: not stage.pipeline_id)
        if astray:
            astray.pipeline_id = self.env["bpo.pipeline"]._get_default()

    @api.depends("pipeline_id.configuration_warning")
    def _compute_configuration_warning(self):
        for stage in self:
            stage.configuration_warning = stage.pipeline_id.configuration_warning

    @api.depends("pipeline_id.name")
    @api.depends_context("bpo_crm_stage_with_pipeline")
    def _compute_display_name(self):
        """Name the pipeline too where stages of several ones stand side by side."""
        if not self.env.context.get("bpo_crm_stage_with_pipeline"):
            return super()._compute_display_name()
        for stage in self:
            pipeline = stage.pipeline_id.sudo()
            stage.display_name = (
                self.env._("%(stage)s (%(pipeline)s)", stage=stage.name, pipeline=pipeline.name)
                if pipeline
                else stage.name
            )
        return None

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    def _get_message_name_missing(self):
        return self.env._("Give the stage a name.")

    def _get_message_name_taken(self, names):
        return self.env._(
            "These stage names are taken, archived stages and translations included: "
            "%(names)s. Choose another name, or unarchive the other stage.",
            names=names,
        )

    # ------------------------------------------------------------
    # ONCHANGE
    # ------------------------------------------------------------

    @api.onchange("is_won")
    def _onchange_is_won(self):
        """Say what the flag does to the leads in the stage, unlike stock's text."""
        return self._get_flag_warning("is_won")

    @api.onchange("is_lost")
    def _onchange_is_lost(self):
        """Say what the flag does to the leads in the stage."""
        return self._get_flag_warning("is_lost")

    def _get_flag_warning(self, flag):
        """Return a warning where a closing flag is given up, or given to a stage with leads."""
        stage = self._origin
        if not stage or stage[flag] == self[flag]:
            return None
        count = self.env["crm.lead"].search_count([("stage_id", "=", stage.id)])
        outcome = self.env._("won") if flag == "is_won" else self.env._("lost")
        if not count:
            return None if self[flag] else self._get_flagless_warning(outcome)
        if self[flag]:
            message = self.env._(
                "On saving, all leads in this stage (%(count)s) will be %(outcome)s, by the "
                "rules of moving them into such a stage.",
                count=count,
                outcome=outcome,
            )
        else:
            message = self.env._(
                "All leads in this stage (%(count)s) stay %(outcome)s. No other lead of the "
                "pipeline can be %(outcome)s until another stage bears the flag.",
                count=count,
                outcome=outcome,
            )
        return {"warning": {"title": self.env._("This stage holds leads"), "message": message}}

    def _get_flagless_warning(self, outcome):
        """Return what it means that an empty stage gives a closing flag up.

        :param str outcome: translated, what leads become by the flag
        """
        return {
            "warning": {
                "type": "notification",
                "title": self.env._("The pipeline needs such a stage"),
                "message": self.env._(
                    "No lead of the pipeline can be %(outcome)s until another stage bears the "
                    "flag.",
                    outcome=outcome,
                ),
            }
        }

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Append the stages that come without a sequence at the end of their pipeline.

        Where the board or a deal asks for a stage (context ``bpo_crm_before_closing``), it goes
        behind the last open stage instead: before Won and Lost.
        """
        stages = super().create([self._prepare_create(vals) for vals in vals_list])
        stages._note_conditions(set().union(*vals_list))
        appended = stages.filtered(lambda stage: not stage.sequence)
        appended._append()
        if self.env.context.get("bpo_crm_before_closing"):
            appended._put_before_closing()
        return stages

    def write(self, vals):
        """Guard the leads of the stages, and close those whose stage becomes a closing one."""
        if self:
            # First, so that nobody learns from a refusal what is in the stages.
            self.check_access("write")
        if "active" in vals and not vals["active"]:
            self.filtered("active")._check_empty(self.env._("archived"))
        if "pipeline_id" in vals:
            self.filtered(lambda stage: stage.pipeline_id.id != vals["pipeline_id"])._check_empty(
                self.env._("moved to another pipeline")
            )
        if "stage_type" in vals:
            changing = self.filtered(lambda stage: stage.stage_type != vals["stage_type"])
            changing._check_empty(self.env._("given another type"))
            changing._drop_conditions()
        vals = self._without_known_won_flag(vals)
        origins = self._close_leads(vals)
        res = super().write(vals)
        self._note_conditions(vals)
        if any(not vals.get(name, True) for name in ("is_won", "is_lost", "active")):
            # A flag that is given up is free for the next stage of the same transaction.
            self.flush_recordset(["is_won", "is_lost", "active"])
        if origins:
            self.env["crm.lead"].sudo().concat(*origins)._complete_move(origins)
        return res

    def _without_known_won_flag(self, vals):
        """Return ``vals`` without ``is_won``, where that says nothing new.

        Stock would write 100 on the leads in a stage that is a won one already.
        """
        if "is_won" in vals and all(stage.is_won == bool(vals["is_won"]) for stage in self):
            return {name: value for name, value in vals.items() if name != "is_won"}
        return vals

    def _close_leads(self, vals):
        """Close the leads in those of these stages that ``vals`` make closing ones.

        :return: ``{lead: Origin}`` of the leads that were closed
        """
        origins = {}
        for flag, status in (("is_won", "won"), ("is_lost", "lost")):
            if stages := self.filtered(lambda stage, flag=flag: vals.get(flag) and not stage[flag]):
                leads = self.env["crm.lead"].sudo().search([("stage_id", "in", stages.ids)])
                origins.update(leads._close_in_place(status))
        return origins

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        self._check_empty(self.env._("deleted"))

    def unlink(self):
        """Leave the services first, so that another stage of theirs becomes the default one."""
        # First, so that nobody learns from a refusal what is in the stages.
        self.check_access("unlink")
        self.sudo().service_line_ids.unlink()
        return super().unlink()

    def copy_data(self, default=None):
        """Make a copy that can live beside its origin: other name, no closing flag.

        Copies made for another pipeline (``bpo_crm_copy_pipeline``) stay true to the origin.
        """
        vals_list = super().copy_data(default=default)
        for stage, vals in zip(self, vals_list, strict=True):
            if self.env.context.get("bpo_crm_copy_pipeline"):
                vals["sequence"] = stage.sequence
                continue
            vals.update(is_won=False, is_lost=False)
            if "name" not in (default or {}):
                vals["name"] = stage._get_free_name()
        return vals_list

    def _get_free_name(self):
        """Return a name for a copy of this stage that no other one of its scope bears."""
        self.ensure_one()
        names = self._get_siblings().filtered(lambda stage: stage._get_scope() == self._get_scope())
        return get_free_copy_name(self.env, self.name, names.mapped("name"))

    def web_resequence(self, specification, field_name="sequence", offset=0):
        """Reorder like the web client asks, but leave gaps of 10 in the whole pipeline.

        The client numbers only the rows between the old and the new place, without gaps.
        """
        if field_name != "sequence":
            return super().web_resequence(specification, field_name, offset)
        self.check_access("write")
        self._reorder()
        return self.web_read(specification)

    @api.model
    def name_search(self, name="", domain=None, operator="ilike", limit=100):
        """Look among the stages of one type where the context asks for it (imports do).

        Imports of leads know some stages already (``bpo_crm_stage_by_cell``).
        """
        if stage_id := self.env.context.get("bpo_crm_stage_by_cell", {}).get(name):
            return [(stage_id, name)]
        if stage_type := self.env.context.get("bpo_crm_stage_type"):
            domain = Domain(domain or Domain.TRUE) & Domain("stage_type", "=", stage_type)
        return super().name_search(name, domain, operator, limit)

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_renumber(self):
        """Rewrite the sequences of the chosen stages' pipelines: 10, 20, 30…

        Without chosen ones, those of all pipelines.
        """
        stages = self or self.with_context(active_test=False).search([])
        stages.check_access("write")
        siblings = stages._get_siblings()
        siblings._write_sequences()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "Stages numbered 10, 20, 30 …, in the order they had: %(count)s.",
                    count=len(siblings),
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_move_left(self):
        """Exchange this stage with the one on its left on the board."""
        return self._exchange(-1)

    def action_move_right(self):
        """Exchange this stage with the one on its right on the board."""
        return self._exchange(1)

    def action_move_and_archive(self):
        """Open the dialog that empties these stages into another one and archives them."""
        self.check_access("write")
        action = self.env["ir.actions.act_window"]._for_xml_id("bpo_crm.bpo_stage_move_action")
        return {**action, "context": {"default_stage_ids": self.ids}}

    def action_remove(self):
        """Say how these stages can be removed from the board.

        :return: the action of the *Move and archive* dialog for stages that are in use, else
            False: they may be deleted
        """
        self.check_access("unlink")
        return self.action_move_and_archive() if self._get_usage() else False

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    def _get_siblings(self):
        """Return all stages, archived ones too, of the pipelines (or type) of these stages."""
        domain = [("pipeline_id", "in", self.pipeline_id.ids)]
        if any(stage.stage_type == "service" for stage in self):
            domain = ["|", ("stage_type", "=", "service"), *domain]
        return self.with_context(active_test=False).search(domain)

    @api.model
    def _prepare_create(self, vals):
        """Return ``vals`` with the pipeline that a stage of this kind belongs to.

        On a board the context proposes its pipeline as the default of every stage; service
        stages have none. A stage reserved for teams, for which no pipeline is named, joins the
        stages that are reserved for all of them already.
        """
        stage_type = vals.get("stage_type") or self.default_get(["stage_type"]).get("stage_type")
        if stage_type == "service":
            return {**vals, "pipeline_id": False}
        if vals.get("team_ids") and not (
            vals.get("pipeline_id") or self.env.context.get("default_pipeline_id")
        ):
            teams = self.new({"team_ids": vals["team_ids"]}).team_ids._origin
            if pipeline := teams._get_own_pipeline():
                return {**vals, "pipeline_id": pipeline.id}
        return vals

    def _exchange(self, offset):
        """Exchange this stage with its neighbour on the board, numbering all with gaps.

        :param int offset: -1 for the stage on the left, 1 for the one on the right
        """
        self.ensure_one()
        self.check_access("write")
        # Archived stages are not seen on the board: they keep their neighbours.
        siblings = self._get_context_service().stage_ids or self._get_siblings()
        row = siblings.filtered(lambda stage: stage.active or stage == self)
        place = row.ids.index(self.id)
        if 0 <= place + offset < len(row):
            ids = row.ids
            ids[place], ids[place + offset] = ids[place + offset], ids[place]
            self.browse(ids)._reorder()
        return True

    def _put_before_closing(self):
        """Move these stages behind the last open one of their pipeline."""
        for pipeline, stages in self.grouped("pipeline_id").items():
            siblings = stages._get_siblings() if pipeline else stages
            others = siblings - stages
            places = [
                place
                for place, stage in enumerate(others, start=1)
                if stage.active and not stage._get_closed_status()
            ]
            place = places[-1] if places else 0
            (others[:place] + stages + others[place:])._write_sequences()

    def _get_move_targets(self, service=None):
        """Return the stages that everything in these stages could be moved to, in order.

        :param service: only the requests of this ``bpo.service`` are to be moved
        """
        if len(self.grouped(CrmStage._get_scope)) != 1:
            return self.browse()
        if self[0].stage_type == "deal":
            return self._get_siblings().filtered("active") - self
        services = service
        if not services:
            requests = self.env["bpo.service.request"].sudo().with_context(active_test=False)
            groups = requests._read_group([("stage_id", "in", self.ids)], ["service_id"])
            services = self.env["bpo.service"].union(*(service for (service,) in groups))
        if not services:
            return self._get_siblings().filtered("active") - self
        targets = services[0].stage_ids - self
        return targets.filtered(lambda stage: services <= stage.sudo().service_ids)

    def _get_scope(self):
        """Return what orders this stage: its pipeline, or all service stages together."""
        self.ensure_one()
        return self.stage_type, self.pipeline_id

    def _get_closed_status(self):
        """Return what a lead becomes by entering this stage: "won", "lost" or False (open)."""
        if self.is_won:
            return "won"
        return "lost" if self.is_lost else False

    def _get_following(self, stage):
        """Return the stage behind ``stage`` in this recordset, empty behind the last one."""
        ids = self.ids
        position = ids.index(stage.id) + 1 if stage.id in ids else len(ids)
        return self.browse(ids[position : position + 1])

    def _get_usage(self):
        """Return ``{stage: [(count, [some record names])]}`` of stages in use.

        Everybody's records count, archived ones too: hidden records must not be stranded.
        """
        usage = defaultdict(list)
        for model_name in self._get_models_in_stages():
            model = self.env[model_name].sudo().with_context(active_test=False)
            for stage, count in model._read_group(
                [("stage_id", "in", self.ids)], ["stage_id"], ["__count"]
            ):
                some = model.search([("stage_id", "=", stage.id)], limit=3)
                usage[stage].append((count, some.mapped("display_name")))
        return usage

    @api.model
    def _get_models_in_stages(self):
        """Return the names of the models whose records sit in stages."""
        return ["crm.lead", "bpo.service.request"]

    def _check_empty(self, what):
        """Refuse what is about to be done to these stages while records are in them.

        :param str what: translated participle of the deed, e.g. "archived"
        :raise UserError: naming counts and some of the records
        """
        usage = self._get_usage()
        if not usage:
            return
        raise StageInUseError(
            self.env._(
                "A stage that is in use cannot be %(what)s (archived records count too):\n"
                "%(stages)s\nMove these records to another stage first.",
                what=what,
                stages="\n".join(self._get_usage_lines(usage)),
            ),
            self.browse(stage.id for stage in usage),
        )

    def _get_usage_lines(self, usage):
        """Return ``usage`` in words: one line per stage and model, with a count and some names."""
        return [
            self.env._("- %(stage)s: 1 record, %(names)s", stage=stage.display_name, names=names[0])
            if count == 1
            else self.env._(
                "- %(stage)s: %(count)s records, such as %(names)s",
                stage=stage.display_name,
                count=count,
                names=", ".join(names),
            )
            for stage, uses in usage.items()
            for count, names in uses
        ]

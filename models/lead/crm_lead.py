# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

# Written by moves and by the outbox, never by hand, import or RPC.
PROTECTED_FIELDS = frozenset(
    (
        "closed_status",
        "won_status",
        "won_from_stage_id",
        "lost_from_stage_id",
        "dealer_order_id",
        "dealer_order_state",
        "dealer_so_id",
        "dealer_so_name",
    )
)


class CrmLead(models.Model):
    """A deal on the board of one pipeline.

    STATE DIAGRAM of ``closed_status`` (what the lead became; ``won_status`` follows it)::

                    enters a won stage                 enters a lost stage, with a reason
          (open) ─────────────────────▶ won   (open) ─────────────────────▶ lost
            ▲                            │      ▲                             │
            └──── leaves that stage ─────┘      └────── leaves that stage ────┘

    It is written when a lead enters or leaves a stage, and by nothing else: clearing the flag
    of a stage, scoring and upgrades leave closed leads as they are.

    Moving a lead is one path for every way in: :meth:`write` guards what is asked for, decides
    which leads go where, and writes each group once; ``crm_lead_move.py`` says what a move is.
    """

    _name = "crm.lead"
    _inherit = ["crm.lead", "bpo.staged"]

    pipeline_id = fields.Many2one(
        "bpo.pipeline",
        compute="_compute_pipeline_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        index=True,
        tracking=True,
        ondelete="restrict",
        check_company=True,
        help="The sales workflow this lead goes through; its stages are the columns of the board.",
    )
    stage_id = fields.Many2one(
        domain="[('stage_type', '=', 'deal'), ('pipeline_id', '=', pipeline_id)]",
    )
    closed_status = fields.Selection(
        [("won", "Won"), ("lost", "Lost")],
        readonly=True,
        copy=False,
        help="What the lead became in its present stage; kept when the stage's flags change.",
    )
    won_status = fields.Selection(selection_add=[("pending", "Open")])
    won_from_stage_id = fields.Many2one(
        "crm.stage",
        readonly=True,
        copy=False,
        ondelete="set null",
        help="The stage that agents may take the lead back to, where leads only go forward.",
    )
    # Stock's default of 0 would count as typed in and keep the compute from setting the total.
    expected_revenue = fields.Monetary(
        compute="_compute_expected_revenue", store=True, readonly=False, default=None
    )

    # The board: leads of a pipeline per stage, in the order of the cards. The condition is in the
    # very words of the ORM: PostgreSQL does not see that "active" is the same as "active IS TRUE".
    _board_idx = models.Index(
        "(pipeline_id, stage_id, priority DESC, id DESC) WHERE active IS TRUE"
    )

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("pipeline_id")
    def _compute_stage_id(self):
        """Put leads without a stage of their own pipeline into its first open stage."""
        astray = self.filtered(
            lambda lead: (
                not lead.stage_id
                or lead._is_astray_by_team()
                or (not lead.closed_status and lead.stage_id.pipeline_id != lead.pipeline_id)
            )
        )
        first_stages = astray.pipeline_id._get_first_open_stages() if astray else {}
        for lead in astray:
            lead.stage_id = first_stages.get(lead.pipeline_id)

    @api.depends("line_ids.price_subtotal")
    def _compute_expected_revenue(self):
        """Follow the total of the units; without units it is typed in, as in stock."""
        for lead in self.filtered("line_ids"):
            lead.expected_revenue = sum(lead.line_ids.mapped("price_subtotal"))

    @api.depends("closed_status")
    def _compute_probabilities(self):
        """Keep 100 and 0 on closed leads, whatever the flags of their stage are by now."""
        closed = self.filtered("closed_status")
        for lead in closed:
            probability = 100 if lead.closed_status == "won" else 0
            # Stages and scoring call this outside of a recomputation, where assigning is
            # writing, and writing 100 would set a new close date.
            for name in ("probability", "automated_probability"):
                if lead[name] != probability:
                    lead[name] = probability
        others = self - closed
        # stock's scoring does not take an empty recordset
        return super(CrmLead, others)._compute_probabilities() if others else None

    @api.depends("closed_status")
    def _compute_won_status(self):
        """Say what the lead became; leads archived as lost by stock stay lost."""
        closed = self.filtered("closed_status")
        for lead in closed:
            lead.won_status = lead.closed_status
        return super(CrmLead, self - closed)._compute_won_status()

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("probability", "closed_status")
    def _check_closed_probability(self):
        for lead in self:
            if lead.closed_status == "lost" and lead.probability:
                raise ValidationError(
                    self.env._(
                        "%(lead)s is lost, so its probability is 0. Restore it or move it to "
                        "another stage first.",
                        lead=lead.display_name,
                    )
                )
            if lead.closed_status == "won" and lead.probability != 100:
                raise ValidationError(
                    self.env._(
                        "%(lead)s is won, so its probability is 100. Move it to another stage "
                        "first.",
                        lead=lead.display_name,
                    )
                )

    @api.constrains("probability", "stage_id")
    def _check_won_validity(self):
        """Leave closed leads to what they became, and archived Won stages to the rules of a move.

        Stock looks at the flags of the present stage, which closed leads do not follow. It has no
        100 for new leads in an archived Won stage, and would call them lost.
        """
        leads = self.filtered(lambda lead: not lead.closed_status and lead.stage_id.active)
        return super(CrmLead, leads)._check_won_validity()

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Create leads, also straight into a closing stage: the rules of a move hold."""
        self._check_protected_fields(set().union(*vals_list))
        vals_list = [self._add_pipeline_of_stage(vals) for vals in vals_list]
        leads = super(CrmLead, self._without_protected_defaults()).create(
            [
                # an empty stage, as in a cell of an import, is one that is not given
                {name: value for name, value in vals.items() if name != "stage_id" or value}
                for vals in vals_list
            ]
        )
        leads = leads.with_env(self.env)
        leads._follow_lines()
        leads._enter_as_new()
        return leads

    def write(self, vals):
        """Write, and treat whatever changes the stage as a move, whoever asks for it and however.

        First the guards; then it is decided which leads move, and where to. Each group of leads
        is written once; those that move are checked in one go and followed up.

        :raise ValidationError: one message that lists, per lead, all that stands against it
        """
        self._check_write(vals)
        if destinations := self._get_destinations(vals):
            return self._write_destinations(destinations, vals)
        moving = self._filtered_moving(vals)
        staying = self - moving
        not_lost = self._filtered_not_lost(vals)
        if moving:
            moving._write_move(vals)
        if staying:
            customers = staying._get_ordered_customers(vals)
            limit_keys = staying._get_limit_keys(vals)
            origins = staying._get_origins_of_handed_over(vals)
            if others := staying - staying._write_won_again(vals):
                super(CrmLead, others).write(dict(vals))
            staying._check_loss(vals)
            staying._check_limits_kept(limit_keys)
            staying._follow_up_handed_over(origins)
            staying._log_changed_customers(customers)
        not_lost._check_lost_by_archiving()
        if "expected_revenue" in vals:
            self._follow_lines()
        return True

    def _write_won_again(self, vals):
        """Write ``vals`` on those of these leads that they would win, and that are won already.

        Without the probability: stock would date the closing anew, such as that of all leads in
        a stage that is flagged again.

        :return: those leads
        """
        if vals.get("probability") != 100:
            return self.browse()
        known = ("probability", "automated_probability")
        won = self.filtered(lambda lead: lead.closed_status == "won")
        won._write_protected({name: vals[name] for name in vals if name not in known})
        return won

    def _write_protected(self, vals):
        """Write values that moves alone decide on, past the guards of :meth:`write`."""
        return super().write(vals)

    def _check_write(self, vals):
        """Refuse what nobody may write like this, wherever the leads are."""
        # First, so that nobody learns the names of leads from a refusal.
        self.check_access("write")
        self._check_protected_fields(vals)
        if "dealership_id" in vals:
            self._check_dealership_change(vals["dealership_id"])

    @api.model
    def _check_protected_fields(self, names):
        """Refuse values for what only moves and the outbox write; code with ``sudo`` may.

        :param names: the names of the fields somebody gives values for
        """
        protected = PROTECTED_FIELDS.intersection(names)
        if protected and not self.env.su:
            raise UserError(
                self.env._(
                    "These fields follow the stage of the lead and the order at its dealer, and "
                    "cannot be written: %(fields)s. Move the lead to another stage instead.",
                    fields=", ".join(sorted(protected)),
                )
            )

    def _without_protected_defaults(self):
        """Return the model without defaults for what only moves and the outbox write."""
        protected = {f"default_{name}" for name in PROTECTED_FIELDS}
        context = {key: value for key, value in self.env.context.items() if key not in protected}
        return self.with_env(self.env(context=context))

    def _follow_lines(self):
        """Let the total of the units prevail over a revenue that was passed beside them."""
        self.env.add_to_compute(self._fields["expected_revenue"], self.filtered("line_ids"))

    def copy_data(self, default=None):
        """Copy a lead of an archived pipeline into the default one."""
        vals_list = super().copy_data(default=default)
        for lead, vals in zip(self, vals_list, strict=True):
            if not lead.pipeline_id.active:
                vals.pop("pipeline_id", None)
        return vals_list

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_set_won(self):
        """Move each lead to the won stage of its own pipeline.

        Leads that are won already, but whose order nobody has put into the outbox (orders were
        not pushed at that time), are won anew.

        :raise UserError: a pipeline has no won stage
        """
        self._unarchive_to_win()
        for pipeline, leads in self.grouped("pipeline_id").items():
            stage = pipeline.won_stage_id
            if not stage:
                raise UserError(pipeline._get_message_no_won_stage())
            leads.write({"stage_id": stage.id, "probability": 100})
            if unordered := leads._filtered_unordered():
                unordered._complete_move(unordered._get_origins())
        return True

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    def _stage_find(self, team_id=False, domain=None, order="sequence, id", limit=1):
        """Look among the stages of the leads' own pipelines, never among service stages."""
        pipelines = self.pipeline_id or self.env["bpo.pipeline"]._get_default()
        domain = Domain(domain or Domain.TRUE) & Domain("pipeline_id", "in", pipelines.ids)
        return super()._stage_find(team_id=team_id, domain=domain, order=order, limit=limit)

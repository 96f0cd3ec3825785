# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import LazyTranslate

from odoo.addons.crm.models.crm_stage import AVAILABLE_PRIORITIES

from ..constants import MANAGER

_lt = LazyTranslate(__name__)

STATUSES = [
    ("pending", "Pending"),
    ("in_progress", "In Progress"),
    ("on_hold", "On Hold"),
    ("completed", "Completed"),
    ("cancelled", "Cancelled"),
]
CLOSED_STATUSES = ("completed", "cancelled")


class BpoServiceRequest(models.Model):
    """A client's request for a service, on its way through the stages of that service.

    The *stage* says where the work is, in the words of the service. The *status* is defined by
    the system and the same for all services, so that everybody's work can be counted together.
    They move independently, unless a stage maps to a status (``crm.stage.status_on_enter``).
    """

    _name = "bpo.service.request"
    _description = "Service Request"
    _inherit = ["bpo.staged", "mail.activity.mixin", "mail.tracking.duration.mixin"]
    _order = "priority desc, deadline, id desc"
    _rec_names_search = ["reference", "name"]
    _check_company_auto = True
    _track_duration_field = "stage_id"

    def _default_service_id(self):
        """Return the service on offer, where there is only one."""
        services = self.env["bpo.service"].search([], limit=2)
        return services if len(services) == 1 else services.browse()

    reference = fields.Char(
        readonly=True,
        copy=False,
        index="trigram",
        help="Given by the system and never changed; quote it to clients. BPO Managers may bring "
        "references along when they import requests from elsewhere.",
    )
    name = fields.Char("Subject", required=True, tracking=True, index="trigram")
    active = fields.Boolean(default=True, tracking=True)
    service_id = fields.Many2one(
        "bpo.service",
        default=lambda self: self._default_service_id(),
        required=True,
        index=True,
        tracking=True,
        ondelete="restrict",
        check_company=True,
        help="What the client asks for; it decides which stages the request goes through.",
    )
    company_id = fields.Many2one(
        "res.company",
        compute="_compute_company_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        index=True,
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Client",
        compute="_compute_partner_id",
        store=True,
        readonly=False,
        precompute=True,
        index="btree_not_null",
        tracking=True,
        check_company=True,
        help="Who asks for the service; the customer of the deal, unless another one is named.",
    )
    partner_email = fields.Char("Email", related="partner_id.email")
    partner_phone = fields.Char("Phone", related="partner_id.phone")
    user_id = fields.Many2one(
        "res.users",
        string="Assigned To",
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        index="btree_not_null",
        tracking=True,
        check_company=True,
        falsy_value_label=_lt("Unclaimed"),  # pylint: disable=translation-field
        help="Leave empty to let any agent claim the request.",
    )
    lead_id = fields.Many2one(
        "crm.lead",
        index="btree_not_null",
        tracking=True,
        ondelete="set null",
        check_company=True,
        help="The deal this request belongs to, if any.",
    )
    description = fields.Html()
    priority = fields.Selection(
        AVAILABLE_PRIORITIES,
        default="0",
        index=True,
        help="Requests with more stars come first on the board and in lists.",
    )
    deadline = fields.Date(tracking=True, help="The day the client expects the work to be done.")
    stage_id = fields.Many2one(
        "crm.stage",
        compute="_compute_stage_id",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        copy=False,
        tracking=True,
        ondelete="restrict",
        domain="[('stage_type', '=', 'service'), ('service_ids', 'in', [service_id or 0])]",
        group_expand="_read_group_stage_ids",
        help="The step of the service's workflow; new requests start in its default stage.",
    )
    service_stage_ids = fields.Many2many(related="service_id.stage_ids", string="Service Stages")
    stage_id_color = fields.Integer("Stage Color", related="stage_id.color")
    stage_id_icon = fields.Char("Stage Icon", related="stage_id.icon")
    status = fields.Selection(
        STATUSES,
        compute="_compute_status",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        index=True,
        copy=False,
        tracking=True,
        group_expand="_read_group_status",
        help="The overall state, the same for all services. It changes by hand, and where the "
        "request enters a stage that is set up to change it.",
    )
    date_last_stage_update = fields.Datetime(
        "Last Stage Update",
        compute="_compute_date_last_stage_update",
        store=True,
        precompute=True,
        copy=False,
        help="When the request entered its present stage.",
    )
    date_closed = fields.Datetime(
        "Closed On",
        compute="_compute_date_closed",
        store=True,
        copy=False,
        help="When the request was completed or cancelled.",
    )
    days_to_close = fields.Float(
        compute="_compute_days_to_close",
        store=True,
        aggregator="avg",
        help="Days from the creation of the request until it was completed or cancelled.",
    )
    is_late = fields.Boolean(compute="_compute_is_late", search="_search_is_late")

    _reference_company_uniq = models.UniqueIndex(
        "(reference, company_id)",
        "A request with this reference exists already in this company.",
    )
    _board_idx = models.Index("(service_id, stage_id, priority DESC, id DESC) WHERE active")

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("reference", "name")
    def _compute_display_name(self):
        for request in self:
            request.display_name = " ".join(filter(None, (request.reference, request.name)))

    @api.depends("service_id", "lead_id")
    def _compute_company_id(self):
        for request in self:
            request.company_id = (
                request.service_id.company_id
                or request.company_id
                or request._get_lead_taken_over().company_id
                or self.env.company
            )

    @api.depends("lead_id")
    def _compute_partner_id(self):
        """Take the customer of the deal, unless another client is named."""
        for request in self:
            request.partner_id = request.partner_id or request._get_lead_taken_over().partner_id

    @api.depends("service_id")
    def _compute_stage_id(self):
        """Start in the default stage of the service, also after it was changed in the form."""
        for request in self:
            origin = request._origin.service_id
            changed = origin and origin != request.service_id
            if changed or request.stage_id not in request.service_id.stage_ids:
                request.stage_id = request.service_id.default_stage_id

    @api.depends("stage_id")
    def _compute_status(self):
        """Take the status the stage maps to; without one, keep the present status.

        Not a function of the stage's settings: changing these later rewrites no request.
        """
        for request in self:
            request.status = request.stage_id.status_on_enter or request.status or "pending"

    @api.depends("stage_id")
    def _compute_date_last_stage_update(self):
        self.date_last_stage_update = fields.Datetime.now()

    @api.depends("status")
    def _compute_date_closed(self):
        for request in self:
            if request.status not in CLOSED_STATUSES:
                request.date_closed = False
            elif not request.date_closed:
                request.date_closed = fields.Datetime.now()

    @api.depends("date_closed")
    def _compute_days_to_close(self):
        for request in self:
            if request.date_closed and request.create_date:
                duration = request.date_closed - request.create_date
                request.days_to_close = max(0, duration.total_seconds()) / 86400
            else:
                request.days_to_close = 0

    @api.depends("deadline", "status")
    def _compute_is_late(self):
        today = fields.Date.context_today(self)
        for request in self:
            request.is_late = bool(
                request.deadline
                and request.deadline < today
                and request.status not in CLOSED_STATUSES
            )

    def _search_is_late(self, operator, value):
        if operator != "in":
            return NotImplemented
        return self._get_domain_late() if True in value else ~self._get_domain_late()

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("service_id", "stage_id")
    def _check_stage(self):
        """Refuse stages that are not active stages of the request's own service.

        :raise ValidationError: one message listing, per request, what is wrong
        """
        attached = {
            (line.service_id, line.stage_id) for line in self.service_id.sudo().stage_line_ids
        }
        problems = [
            self.env._("- %(request)s: %(problem)s", request=request.display_name, problem=problem)
            for request in self
            if (problem := request._get_stage_problem(attached))
        ]
        if problems:
            raise ValidationError(
                self.env._(
                    "Nothing was saved. Put this right first:\n%(problems)s",
                    problems="\n".join(problems),
                )
            )

    def _get_stage_problem(self, attached):
        """Return what is wrong with the stage of this request, False if nothing.

        :param set attached: pairs of service and stage that go together
        """
        service, stage = self.service_id, self.stage_id
        if not stage:
            return self.env._(
                "choose a stage of the service “%(service)s”", service=service.display_name
            )
        if stage.stage_type != "service":
            return self.env._(
                "“%(stage)s” is a stage of deals, not of services", stage=stage.display_name
            )
        if (service, stage) not in attached:
            return self.env._(
                "the stage “%(stage)s” is not part of the service “%(service)s”, whose stages "
                "are: %(stages)s",
                stage=stage.display_name,
                service=service.display_name,
                stages=", ".join(service.stage_ids.mapped("display_name")) or self.env._("none"),
            )
        if not stage.active:
            return self.env._("the stage “%(stage)s” is archived", stage=stage.display_name)
        return False

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Create requests in their service's default stage, under a reference of their own."""
        requests = super().create(self._prepare_create(vals_list))
        requests._complete_move(dict.fromkeys(requests, self.env["crm.stage"]))
        requests._enter_first_stages()
        return requests

    def write(self, vals):
        """Write, and treat a change of service or stage as a move, however it is asked for.

        A service alone moves the requests to its default stage. Naming the stage a request is
        in already is no move: its status stays what it was set to.
        """
        self._check_leads([vals])
        if "reference" in vals and not self.env.su:
            self._check_reference_kept(vals["reference"])
        if {"service_id", "stage_id"}.isdisjoint(vals):
            with self._keeping_limits(vals):
                return super().write(vals)
        places = self._get_places()
        res = self._write_place(vals)
        self._enter_stages(places)
        return res

    def _write_stage(self, vals):
        """Write values that enter a stage, past the decision of :meth:`write` who moves."""
        return super().write(vals)

    def copy_data(self, default=None):
        vals_list = self._drop_hidden_leads(super().copy_data(default=default))
        if "name" in (default or {}):
            return vals_list
        return [
            dict(vals, name=self.env._("%s (copy)", request.name))
            for request, vals in zip(self, vals_list, strict=True)
        ]

    @api.model
    def load(self, fields, data):
        """Import: a stage's name means a service stage, though deals may have a namesake."""
        return super(BpoServiceRequest, self.with_context(bpo_crm_stage_type="service")).load(
            fields, data
        )

    @api.model
    def _prepare_create(self, vals_list):
        """Return the values completed by company and reference, services checked.

        An empty stage or status, as in a cell of an import, is no choice: the default holds.
        """
        self._check_references_given(vals_list)
        defaults = self.default_get(["service_id", "company_id", "lead_id", "partner_id"])
        prepared = [
            {
                name: value
                for name, value in {**defaults, **vals}.items()
                if value or name not in ("stage_id", "status")
            }
            for vals in vals_list
        ]
        self._check_leads(prepared)
        self._take_over_customers(prepared)
        services = self.env["bpo.service"].browse(
            {vals["service_id"] for vals in prepared if vals.get("service_id")}
        )
        services._check_open_to_requests()
        sequences = {}
        for vals in prepared:
            company = self._get_company(vals)
            vals["company_id"] = company.id
            if not vals.get("reference"):
                if company not in sequences:
                    sequences[company] = self._get_sequence(company)
                vals["reference"] = sequences[company].next_by_id()
        return prepared

    @api.model
    def _check_references_given(self, vals_list):
        """Let only managers bring references along, with requests from elsewhere.

        :raise UserError: naming the references
        """
        given = [vals["reference"] for vals in vals_list if vals.get("reference")]
        if given and not (self.env.su or self.env.user.has_group(MANAGER)):
            raise UserError(
                self.env._(
                    "The system gives references to requests; only BPO Managers may bring their "
                    "own: %(references)s. Leave the reference empty.",
                    references=", ".join(given),
                )
            )

    def _check_reference_kept(self, reference):
        """Refuse another reference than the one each of these requests bears.

        :raise UserError: naming the requests
        """
        self.check_access("write")
        changing = self.filtered(lambda request: request.reference != reference)
        if changing:
            raise UserError(
                self.env._(
                    "The reference of a request never changes, as clients may quote it: "
                    "%(references)s.",
                    references=", ".join(changing.mapped("display_name")),
                )
            )

    @api.model
    def _get_company(self, vals):
        """Return the company of a request to be created with these values."""
        service = self.env["bpo.service"].browse(vals.get("service_id"))
        lead = self.env["crm.lead"].browse(vals.get("lead_id"))
        given = self.env["res.company"].browse(vals.get("company_id"))
        return given or service.company_id or lead.sudo().company_id or self.env.company

    @api.model
    def _get_sequence(self, company):
        """Return the sequence of references of this company, else the common one."""
        return (
            self.env["ir.sequence"]
            .sudo()
            .search(
                [
                    ("code", "=", "bpo.service.request"),
                    ("company_id", "in", [company.id, False]),
                ],
                order="company_id",
                limit=1,
            )
        )

    @api.model
    def _get_next_number(self, prefix):
        """Return the number behind the highest reference that begins with ``prefix``."""
        self.env.cr.execute(
            """
            SELECT COALESCE(max(substr(reference, %s)::bigint), 0) + 1
              FROM bpo_service_request
             WHERE reference ~ ('^' || %s || '[0-9]{1,9}$')
            """,
            [len(prefix) + 1, re.escape(prefix)],
        )
        return self.env.cr.fetchone()[0]

    def _check_new_service(self, service_id):
        """Check the service that requests are handed to, unless it is theirs already."""
        if any(request.service_id.id != service_id for request in self):
            self.env["bpo.service"].browse(service_id)._check_open_to_requests()

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    @api.model
    def action_open_board(self):
        """Open the board of the one service on offer, or the overview of several."""
        services = self.env["bpo.service"].search([], limit=2)
        if len(services) == 1:
            return services.action_view_requests()
        return self.env["ir.actions.act_window"]._for_xml_id("bpo_crm.bpo_service_request_action")

    def action_view_lead(self):
        """Open the deal this request belongs to."""
        self.ensure_one()
        return self.lead_id.get_formview_action()

    def action_claim(self):
        """Assign the requests to the person who asks for it."""
        self.user_id = self.env.user
        return True

    def action_start(self):
        self.status = "in_progress"
        return True

    def action_hold(self):
        self.status = "on_hold"
        return True

    def action_complete(self):
        self.status = "completed"
        return True

    def action_cancel(self):
        self.status = "cancelled"
        return True

    def action_reopen(self):
        """Put closed requests back to work, where they were."""
        self.filtered(lambda request: request.status in CLOSED_STATUSES).status = "in_progress"
        return True

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    @api.model
    def _count_by(self, name, domain):
        """Return ``{record: number of requests}`` by the many2one ``name``, seen by this user."""
        return dict(self._read_group(domain, [name], ["__count"]))

    @api.model
    def _get_related_action(self, domain, context):
        """Return the action that opens the requests related to a record; new ones take it over."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "bpo_crm.bpo_service_request_action_related"
        )
        return {**action, "domain": domain, "context": context}

    @api.model
    def _get_domain_open(self):
        return Domain("status", "not in", CLOSED_STATUSES)

    @api.model
    def _get_domain_late(self):
        today = fields.Date.context_today(self)
        return self._get_domain_open() & Domain("deadline", "<", today)

    def _get_rotting_domain(self):
        """Let nothing rot that is closed or archived."""
        return super()._get_rotting_domain() & self._get_domain_open() & Domain("active", "=", True)

    def _get_rotting_depends_fields(self):
        return [*super()._get_rotting_depends_fields(), "status", "active"]

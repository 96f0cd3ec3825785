# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from itertools import count, zip_longest
from operator import itemgetter

from odoo import Command
from odoo.tests import new_test_user
from odoo.tools import groupby

from . import access_table
from .access_table import ROLES
from .common import BpoCrmCommon


def read_lines(text):
    """Yield ``(is a heading, line)`` of a table, without comments and empty lines."""
    for line in text.splitlines():
        if line := line.partition("#")[0].rstrip():
            yield not line.startswith(" "), line.strip()


def read_operations(text):
    """Return ``{(model, scope): {role: letters}}`` of the table of operations."""
    rows, model = {}, None
    for is_heading, line in read_lines(text):
        if is_heading:
            model = line
        else:
            scope, *cells = line.split()
            rows[model, scope] = dict(zip(ROLES, cells, strict=True))
    return rows


def read_methods(text):
    """Return ``{(model, method): {scope: {role: letter}}}`` of the table of methods.

    A method of the model as a whole has letters for the first scope, None for the others.
    """
    rows, model, scopes = {}, None, []
    for is_heading, line in read_lines(text):
        if is_heading:
            model, _colon, names = line.partition(":")
            scopes = names.replace("|", " ").split()
        else:
            name, _blank, cells = line.partition(" ")
            groups = [dict(zip(ROLES, each.split(), strict=True)) for each in cells.split("|")]
            if len(groups) not in (1, len(scopes)):
                raise ValueError(line)
            rows[model, name] = dict(zip_longest(scopes, groups))
    return rows


class AccessCase(BpoCrmCommon):
    """A user per role, and of each model a record in each scope of the table.

    Scopes: *own* records of each role (nobody's for those who own none), *unclaimed* ones, those
    of *others*, those of another company (*elsewhere*), and *here*, where nobody owns any.
    """

    # Rows that are there because records of the other model are.
    OF_RECORDS = {
        "bpo.stage.entry": "crm.lead",
        "bpo.deal.report": "crm.lead",
        "bpo.request.report": "bpo.service.request",
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.numbers = count()
        cls.users = {
            role: new_test_user(cls.env, login=f"role_{role}", groups=group)
            for role, group in ROLES.items()
        }
        cls.company_elsewhere = cls.env["res.company"].create({"name": "Test Elsewhere"})
        cls.client_partner = cls.env["res.partner"].create({"name": "Test Client"})
        cls.received = cls.env["crm.stage"].create(
            {"name": "Received, test", "stage_type": "service"}
        )
        cls.service = cls.env["bpo.service"].create(
            {"name": "Test access", "stage_ids": [Command.link(cls.received.id)]}
        )
        cls.records = {}
        for model, scopes in groupby(read_operations(access_table.OPERATIONS), itemgetter(0)):
            keys = [
                (model, scope, role)
                for _model, scope in scopes
                for role in (ROLES if scope == "own" else ["any"])
            ]
            cls.records.update(zip(keys, cls._create_records(keys), strict=True))

    @classmethod
    def _create_records(cls, keys):
        """Create the records of one model that users find, ``(model, scope, role)`` each."""
        model = cls.env[keys[0][0]].with_context(tracking_disable=True)
        if model._name == "bpo.dealer.order":
            leads = cls._create_records([("crm.lead", *key[1:]) for key in keys])
            leads.stage_id = cls.stage_sold
            leads.dealer_order_id.state = "failed"
            return [lead.dealer_order_id for lead in leads]
        if model._name == "bpo.dealer.problem":
            # not those of the demo data
            orders = [each for key, each in cls.records.items() if key[0] == "bpo.dealer.order"]
            ours = [("dealership_id", "in", [order.dealership_id.id for order in orders])]
            return [
                model.search([("company_id", "=", cls._get_company(key[1]).id), *ours])
                for key in keys
            ]
        if model._name == "ir.model.fields":
            return [model._get("crm.lead", "phone") for _key in keys]
        if name := cls.OF_RECORDS.get(model._name):
            records = cls._create_records([(name, *key[1:]) for key in keys])
            field = "lead_id" if name == "crm.lead" else "request_id"
            return [model.search([(field, "=", record.id)]) for record in records]
        vals_list = [cls._prepare(*key) for key in keys]
        if model._name == "crm.lead":
            vals_list = [cls._prepare_lead(**vals) for vals in vals_list]
        if not model.is_transient():
            return model.create(vals_list)
        # a wizard belongs to whoever opened it
        return [
            model.with_user(cls.users.get(role, cls.other_agent)).sudo().create(vals)
            for (_model, _scope, role), vals in zip(keys, vals_list, strict=True)
        ]

    @classmethod
    def _get_record(cls, model, scope, role):
        """Return the record of a model in a scope, as superuser."""
        if model == "res.partner":
            return cls.client_partner
        record = cls.records.get((model, scope, role)) or cls.records[model, scope, "any"]
        return record.with_env(cls.env)

    # ------------------------------------------------------------
    # VALUES
    # ------------------------------------------------------------

    @classmethod
    def _prepare(cls, model, scope, role):
        """Return the values with which somebody of this role creates a record in a scope."""
        company = cls._get_company(scope)
        return getattr(cls, f"_prepare_{model.replace('.', '_')}")(scope, role, company.id)

    @classmethod
    def _get_company(cls, scope):
        return cls.company_elsewhere if scope == "elsewhere" else cls.env.company

    @classmethod
    def _get_name(cls):
        return f"Test access {next(cls.numbers)}"

    @classmethod
    def _get_owner(cls, scope, role):
        user = {"own": cls.users.get(role), "others": cls.other_agent}.get(scope)
        return user.id if user and not user.share else False

    @classmethod
    def _prepare_crm_lead(cls, scope, role, company_id):
        return {
            "name": "Test access",
            "type": "opportunity",
            "pipeline_id": cls.pipeline.id,
            "user_id": cls._get_owner(scope, role),
            "team_id": False,
            "company_id": company_id,
        }

    @classmethod
    def _prepare_bpo_lead_line(cls, scope, role, company_id):
        lead = cls._get_record("crm.lead", scope, role)
        return {"lead_id": lead.id, "product_id": cls.product.id}

    @classmethod
    def _prepare_bpo_dealer_order(cls, scope, role, company_id):
        return {
            "lead_id": cls._get_record("crm.lead", scope, role).id,
            "dealership_id": cls.dealership.id,
            "reference": cls._get_name(),
            "external_id": cls._get_name(),
        }

    @classmethod
    def _prepare_bpo_dealer_problem(cls, scope, role, company_id):
        return {}

    @classmethod
    def _prepare_bpo_stage_entry(cls, scope, role, company_id):
        lead = cls._get_record("crm.lead", scope, role)
        return {"lead_id": lead.id, "entered_date": "2026-03-02 09:00:00"}

    @classmethod
    def _prepare_bpo_deal_report(cls, scope, role, company_id):
        return {}

    @classmethod
    def _prepare_bpo_request_report(cls, scope, role, company_id):
        return {}

    @classmethod
    def _prepare_bpo_dealer_product(cls, scope, role, company_id):
        product = cls.env["product.product"].create({"name": cls._get_name()})
        dealership = cls._get_record("bpo.dealership", scope, role)
        return {"dealership_id": dealership.id, "product_id": product.id, "code": "OWN-1"}

    @classmethod
    def _prepare_bpo_service_request(cls, scope, role, company_id):
        return {
            "name": "Test access",
            "service_id": cls.service.id,
            "user_id": cls._get_owner(scope, role),
            "company_id": company_id,
        }

    @classmethod
    def _prepare_bpo_pipeline(cls, scope, role, company_id):
        return {"name": cls._get_name(), "company_id": company_id}

    @classmethod
    def _prepare_crm_stage(cls, scope, role, company_id):
        if scope == "service":
            return {"name": cls._get_name(), "stage_type": "service"}
        pipeline = cls._get_record("bpo.pipeline", scope, role)
        return {"name": cls._get_name(), "pipeline_id": pipeline.id}

    @classmethod
    def _prepare_bpo_stage_refusal(cls, scope, role, company_id):
        stage = cls._get_record("crm.stage", scope, role)
        month = "2026-01-01"
        return {"stage_id": stage.id, "cause": cls._get_name(), "month": month, "count": 1}

    @classmethod
    def _prepare_ir_model_fields(cls, scope, role, company_id):
        return {"help": "Test access"}

    @classmethod
    def _prepare_bpo_service(cls, scope, role, company_id):
        return {
            "name": cls._get_name(),
            "company_id": company_id,
            "stage_ids": [Command.link(cls.received.id)],
        }

    @classmethod
    def _prepare_bpo_service_stage(cls, scope, role, company_id):
        stage = cls.env["crm.stage"].create(cls._prepare("crm.stage", "service", role))
        service = cls._get_record("bpo.service", scope, role)
        return {"service_id": service.id, "stage_id": stage.id}

    @classmethod
    def _prepare_bpo_dealership(cls, scope, role, company_id):
        name = cls._get_name()
        # the same address would be the same Odoo
        url = f"https://{name.lower().replace(' ', '-')}.example.com"
        return cls._prepare_dealership(name=name, code=name, company_id=company_id, odoo_url=url)

    @classmethod
    def _prepare_bpo_dealership_order_default(cls, scope, role, company_id):
        dealership = cls._get_record("bpo.dealership", scope, role)
        return {"dealership_id": dealership.id, "name": f"x_{next(cls.numbers)}", "value": "1"}

    @classmethod
    def _prepare_crm_lost_reason(cls, scope, role, company_id):
        return {"name": cls._get_name()}

    @classmethod
    def _prepare_crm_team(cls, scope, role, company_id):
        return {"name": cls._get_name(), "company_id": company_id}

    @classmethod
    def _prepare_res_config_settings(cls, scope, role, company_id):
        return {"bpo_crm_unreachable_hours": 5}

    @classmethod
    def _prepare_bpo_order_preview(cls, scope, role, company_id):
        return {"lead_id": cls._get_record("crm.lead", scope, role).id}

    @classmethod
    def _prepare_crm_lead_lost(cls, scope, role, company_id):
        lead = cls._get_record("crm.lead", scope, role)
        return {"lead_ids": [Command.set(lead.ids)], "lost_reason_id": cls.reason.id}

    @classmethod
    def _prepare_bpo_undo(cls, scope, role, company_id):
        # a lead of its own, so that no other record of the table is closed
        lead = cls._create_leads(user_id=cls._get_owner(scope, role))
        before = {"stage_id": lead.stage_id.id, "date_closed": False}
        lead.stage_id = cls.stage_sold
        noted = {lead.id: {"closed_in": lead.stage_id.id, "before": before}}
        return {"leads": noted, "until": "2099-01-01 00:00:00"}

    @classmethod
    def _prepare_bpo_dealership_pause(cls, scope, role, company_id):
        dealership = cls._get_record("bpo.dealership", "here", role)
        return {"dealership_ids": [Command.set(dealership.ids)], "reason": "Stock-taking"}

    @classmethod
    def _prepare_bpo_stage_move(cls, scope, role, company_id):
        stage = cls._get_record("crm.stage", "here", role)
        return {"stage_ids": [Command.set(stage.ids)]}

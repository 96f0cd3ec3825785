# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Prepare a database for stock CRM's own tests: run by ``odoo shell``, which gives ``env``.

Nothing here changes a rule; all of it is configuration that a customer may have. The fixture of
those tests (``crm/tests/common.py``) builds a workflow as stock knows it:

* two won stages, one of them generic, where a pipeline has only one: a new default pipeline has
  nothing but a Lost stage; the stages reserved for a team come into a pipeline of their own,
  which stock_crm_fixture.py makes ready when the fixture begins to create them;
* leads without a dealership are won: pipelines do not create dealer orders;
* leads are lost without a reason: by a user-defined default, leads have one from the start.
"""

Pipeline = env["bpo.pipeline"]  # noqa: F821
Stage = env["crm.stage"]  # noqa: F821
Pipeline.search([]).push_orders = False
pipeline = Pipeline.with_context(bpo_crm_no_default_stages=True).create(
    {"name": "Made by stock's tests", "sequence": 0, "push_orders": False}
)
Stage.create(
    {
        "name": "Lost",
        "pipeline_id": pipeline.id,
        "sequence": 1000,
        "is_lost": True,
        "fold": True,
    }
)
env["ir.default"].set(  # noqa: F821
    "crm.lead",
    "lost_reason_id",
    env.ref("bpo_crm.lost_reason_competitor").id,  # noqa: F821
)
env.cr.commit()  # noqa: F821

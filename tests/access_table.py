# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who may do what: every model and every public method, per role.

``test_access_matrix.py`` does each of these things as the External API does it, and fails where a
cell differs, where a model or public method of this addon has no row, and where a row has nothing
that it stands for. Change a cell when a right is to change, never to make the test pass.

A user of a role has no other group. *own* records are the role's own (nobody's for those who can
own none), *unclaimed* ones nobody's, *others* another agent's in the same company; *elsewhere* is
another company, *here* the own one, for records that nobody owns. What is said of a lead holds for
its units and its order as well.
"""

ROLES = {
    "agent": "bpo_crm.group_agent",
    "supervisor": "bpo_crm.group_supervisor",
    "manager": "bpo_crm.group_manager",
    # stock CRM's own, without a role of ours: own documents, and administrator
    "salesman": "sales_team.group_sale_salesman",
    "salesadmin": "sales_team.group_sale_manager",
    # an internal user who has nothing to do with sales
    "user": "base.group_user",
    "portal": "base.group_portal",
    "public": "base.group_public",
}

# r read all fields, n only some of them, c create, w write, d delete; - refused by access rights.
# Allowed is also what a rule of the product refuses for its own reason: to delete a stage with
# leads, say.
OPERATIONS = """
#              agnt  supv  mngr    sale  admn    user  prtl  publ
# Stock's rights, unchanged: stock's salesmen work with leads, and win them, too, which sends the
# order. The roles add to stock's groups and take nothing from them (design, section 1); who is to
# have no part in it gets no sales group. Orders' number and link are on the lead: whoever reads
# the lead reads the address of the dealer's Odoo in the link, which is what it is for.
crm.lead
    own        rcw-  rcw-  rcwd    rcw-  rcwd    ----  ----  ----
    unclaimed  rcw-  rcw-  rcwd    rcw-  rcwd    ----  ----  ----
    others     ----  rcw-  rcwd    ----  rcwd    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# As stock's rights on the lead; a line is deleted by whoever edits its lead.
bpo.lead.line
    own        rcwd  rcwd  rcwd    rcwd  rcwd    ----  ----  ----
    unclaimed  rcwd  rcwd  rcwd    rcwd  rcwd    ----  ----  ----
    others     ----  rcwd  rcwd    ----  rcwd    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# Written by moves and the outbox only. Agents read the link, and in it the dealer's address (the
# link is a feature: design, section 4.1), and nothing else of the connection.
bpo.dealer.order
    own        r---  r---  r---    ----  ----    ----  ----  ----
    unclaimed  r---  r---  r---    ----  ----    ----  ----  ----
    others     ----  r---  r---    ----  ----    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# Whoever sees the orders of all.
bpo.dealer.problem
    here       ----  r---  r---    ----  ----    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# Written by moves only; as the role's rights on the deal.
bpo.stage.entry
    own        r---  r---  r---    ----  ----    ----  ----  ----
    unclaimed  r---  r---  r---    ----  ----    ----  ----  ----
    others     ----  r---  r---    ----  ----    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# Views of the database on these, with rules of their own.
bpo.deal.report
    own        r---  r---  r---    ----  ----    ----  ----  ----
    unclaimed  r---  r---  r---    ----  ----    ----  ----  ----
    others     ----  r---  r---    ----  ----    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

bpo.request.report
    own        r---  r---  r---    ----  ----    ----  ----  ----
    unclaimed  r---  r---  r---    ----  ----    ----  ----  ----
    others     ----  r---  r---    ----  ----    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

bpo.service.request
    own        rcw-  rcw-  rcwd    ----  ----    ----  ----  ----
    unclaimed  rcw-  rcw-  rcwd    ----  ----    ----  ----  ----
    others     ----  rcw-  rcwd    ----  ----    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# Others than sales people cannot read the numbers of leads.
bpo.pipeline
    here       r---  r---  rcwd    r---  r---    n---  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# Stock's Sales administrators are not enough (design, section 2).
crm.stage
    here       r---  r---  rcwd    r---  r---    r---  ----  ----
    service    r---  r---  rcwd    r---  r---    r---  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# How many records a stage holds up: who decides what it asks for.
bpo.stage.refusal
    here       ----  ----  r---    ----  ----    ----  ----  ----
    service    ----  ----  r---    ----  ----    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# Which fields there are, for the choice of what a stage asks for: nothing of what is in them.
ir.model.fields
    here       ----  ----  n---    ----  ----    ----  ----  ----

bpo.service
    here       r---  r---  rcwd    r---  r---    r---  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

bpo.service.stage
    here       r---  r---  rcwd    r---  r---    r---  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# Fields of the connection are the managers' only: `test_dealership.py`.
bpo.dealership
    here       r---  r---  rcwd    ----  ----    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# As the connection: the managers' only. Agents see in the preview what goes with their orders.
bpo.dealership.order.default
    here       ----  ----  rcwd    ----  ----    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# Prices are the managers' only: `test_dealer_product.py`.
bpo.dealer.product
    here       r---  r---  rcwd    ----  ----    ----  ----  ----
    elsewhere  ----  ----  ----    ----  ----    ----  ----  ----

# Stock's rights, unchanged, the number of leads included.
crm.lost.reason
    here       r---  r---  rcwd    r---  rcwd    n---  ----  ----

# Stock's rights, unchanged, the number of leads included.
crm.team
    here       r---  r---  rcwd    r---  rcwd    n---  ----  ----

# Stock's: for administrators of the database (group Settings), whatever their role here.
res.config.settings
    own        ----  ----  ----    ----  ----    ----  ----  ----

# *others*: another agent's preview of that agent's lead. Whoever may read the lead makes one of
# their own.
bpo.order.preview
    own        rcw-  rcw-  rcw-    ----  ----    ----  ----  ----
    others     ----  -c--  -c--    ----  ----    ----  ----  ----

# Made by moves, for whoever won or lost leads. What the leads were is a field for nobody, which is
# left out where all are read: `test_undo.py`.
bpo.undo
    own        r---  r---  r---    r---  r---    ----  ----  ----
    others     ----  ----  r---    ----  ----    ----  ----  ----

# Stock's rights; a hidden lead is left out of what is read of the wizard.
crm.lead.lost
    own        rcw-  rcw-  rcw-    rcw-  rcw-    ----  ----  ----
    others     r---  rcw-  rcw-    r---  rcw-    ----  ----  ----

# Managers reach into each other's wizards, as Odoo 19 lets them with any.
bpo.dealership.pause
    own        ----  ----  rcwd    ----  ----    ----  ----  ----
    others     ----  ----  rcwd    ----  ----    ----  ----  ----

# The same.
bpo.stage.move
    own        ----  ----  rcwd    ----  ----    ----  ----  ----
    others     ----  ----  rcwd    ----  ----    ----  ----  ----
"""

# Models of stock in which this addon adds a field or a button, with stock's rights.
OF_STOCK = {
    "base.module.uninstall": "a warning in the dialog of administrators",
    "ir.config_parameter": "a refusal of what is no proxy",
    "ir.module.module": "our words for what stock names, in each language that is loaded",
    "mail.mail": "an e-mail about an order has one text",
    "product.product": "a refusal to delete what leads need",
    "product.template": "the same",
    "res.company": "what is remembered until its currency changes",
    "res.users.settings": "what each user has closed for themselves",
    "res.partner": "the number of service requests, and a button",
}

# + allowed; u allowed, but a rule refuses it to everybody here; x refused by access rights;
# r refused by the role, in words. Methods of a model as a whole have one group of letters.
# A agent, S supervisor, M manager, s salesman, a salesadmin, u user, P portal, p public.
METHODS = """
#                                      A S M s a u P p   A S M s a u P p   A S M s a u P p
# action_retry_dealer_order asks for the right to the order, which stock's salesmen have not.
crm.lead: own | others | elsewhere
    web_read_group                     + + + + + x x x
    formatted_read_group               + + + + + x x x
    get_import_templates               + + + + + + + +
    action_set_won                     + + + + + x x x | x + + x + x x x | x x x x x x x x
    action_set_lost                    + + + + + x x x | x + + x + x x x | x x x x x x x x
    action_restore                     + + + + + x x x | x + + x + x x x | x x x x x x x x
    convert_opportunity                + + + + + x x x | x + + x + x x x | x x x x x x x x
    action_open_dealer_order           + + + + + x x x | x + + x + x x x | x x x x x x x x
    action_retry_dealer_order          + + + x x x x x | x + + x x x x x | x x x x x x x x
    action_check_dealer_order          r r + r r x x x | x r + x r x x x | x x x x x x x x
    action_view_service_requests       + + + + + x x x | x + + x + x x x | x x x x x x x x
    action_fill_in_and_move            + + + + + x x x

# Agents may retry what they may edit the lead of; the rest is the managers'.
bpo.dealer.order: own | others | elsewhere
    action_retry                       + + + x x x x x | x + + x x x x x | x x x x x x x x
    walk_retry                         + + + x x x x x | x + + x x x x x | x x x x x x x x
    action_confirm_not_sent            r r + r r r r r | r r + r r r r r | r r x r r r r r
    action_check_at_dealer             r r + r r r r r | r r + r r r r r | r r x r r r r r
    action_send_again                  r r + r r r r r | r r + r r r r r | r r x r r r r r
    action_open_lead                   + + + x x x x x | x + + x x x x x | x x x x x x x x
    action_open_remote                 + + + x x x x x | x + + x x x x x | x x x x x x x x

bpo.dealer.problem: here | elsewhere
    action_retry_all                   x + + x x x x x | x x x x x x x x
    action_walk_retry_all              x + + x x x x x | x x x x x x x x
    action_open_orders                 x + + x x x x x | x x x x x x x x

bpo.deal.report: own | others | elsewhere
    action_open_lead                   + + + x x x x x | x + + x x x x x | x x x x x x x x

bpo.request.report: own | others | elsewhere
    action_open_request                + + + x x x x x | x + + x x x x x | x x x x x x x x

# The name of a file.
bpo.dealer.product: here
    get_import_templates               + + + + + + + +

bpo.dealership: here | elsewhere
    get_import_templates               + + + + + + + +
    action_test_connection             r r + r r r r r | r r x r r r r r
    action_walk_test_connection        r r + r r r r r | r r x r r r r r
    walk_test_connection               r r + r r r r r | r r x r r r r r
    action_forget_api_key              x x + x x x x x | x x x x x x x x
    action_discard_candidate_key       x x + x x x x x | x x x x x x x x
    action_push_now                    r r + r r r r r | r r x r r r r r
    action_resume                      r r + r r r r r | r r x r r r r r
    action_view_orders_in_state        + + + x x x x x | x x x x x x x x
    action_confirm_database            r r + r r r r r | r r x r r r r r
    action_confirm_database_everywhere r r + r r r r r
    action_same_odoo                   r r + r r r r r | r r x r r r r r
    action_survey                      r r + r r r r r | r r x r r r r r
    action_check_products              r r + r r r r r | r r x r r r r r
    action_walk_check_products         r r + r r r r r | r r x r r r r r
    walk_check_products                r r + r r r r r | r r x r r r r r
    action_view_products               + + + x x x x x | x x x x x x x x
    action_view_orders_in_step         + + + x x x x x | x x x x x x x x
    action_view_leads                  + + + x x x x x | x x x x x x x x
    action_view_orders                 + + + x x x x x | x x x x x x x x
    action_open_weekly_graph           + + + x x x x x | x x x x x x x x

# The first steps, as the configuration notes, are empty for those who may not write pipelines.
bpo.pipeline: here | elsewhere
    action_open_board                  + + + + + + x x | x x x x x x x x
    action_open_failed_orders          + + + + + + x x | x x x x x x x x
    action_open_stages                 + + + + + + x x | x x x x x x x x
    get_configuration_notes            + + + + + + + +
    get_first_steps                    + + + + + + + +
    dismiss_adoption_notes             x x + x x x x x
    action_open_weekly_graph           + + + x x x x x | x x x x x x x x

crm.stage: here | service | elsewhere
    get_import_templates               + + + + + + + +
    web_resequence                     x x + x x x x x | x x + x x x x x | x x x x x x x x
    action_renumber                    x x + x x x x x | x x + x x x x x | x x x x x x x x
    action_move_left                   x x + x x x x x | x x + x x x x x | x x x x x x x x
    action_move_right                  x x + x x x x x | x x + x x x x x | x x x x x x x x
    action_move_and_archive            x x + x x x x x | x x + x x x x x | x x x x x x x x
    action_remove                      x x + x x x x x | x x + x x x x x | x x x x x x x x
    action_take_out                    x x + x x x x x | x x + x x x x x | x x x x x x x x
    action_forget_void_conditions      x x + x x x x x | x x + x x x x x | x x x x x x x x

bpo.service: here | elsewhere
    get_import_templates               + + + + + + + +
    action_view_requests               + + + + + + x x | x x x x x x x x
    action_open_weekly_graph           + + + x x x x x | x x x x x x x x

bpo.service.request: own | others | elsewhere
    action_open_board                  + + + + + + x x
    action_view_lead                   + + + x x x x x | x + + x x x x x | x x x x x x x x
    action_claim                       + + + x x x x x | x + + x x x x x | x x x x x x x x
    action_start                       + + + x x x x x | x + + x x x x x | x x x x x x x x
    action_hold                        + + + x x x x x | x + + x x x x x | x x x x x x x x
    action_complete                    + + + x x x x x | x + + x x x x x | x x x x x x x x
    action_cancel                      + + + x x x x x | x + + x x x x x | x x x x x x x x
    action_reopen                      + + + x x x x x | x + + x x x x x | x x x x x x x x
    action_fill_in_and_move            + + + x x x x x

crm.lost.reason: here
    get_import_templates               + + + + + + + +

crm.team: here
    action_your_pipeline               + + + + + + x x
    action_open_leads                  + + + + + + x x

res.partner: here
    action_view_service_requests       + + + + + + x x

# Of *others* an agent gets a wizard without leads: nothing to lose.
crm.lead.lost: own | others
    action_lost_reason_apply           + + + + + x x x | r + + r + x x x

# What one has won or lost oneself, and of leads that one may edit still.
bpo.undo: own | others
    action_undo                        + + + + + x x x | x x + x x x x x
    action_end                         + + + + + x x x | x x + x x x x x

bpo.dealership.pause: own | others
    action_pause                       x x + x x x x x | x x + x x x x x

bpo.stage.move: own | others
    action_move_and_archive            x x + x x x x x | x x + x x x x x
"""

# Public methods of Odoo that this addon extends, and the operation above that tells who may.
COVERED = {
    "action_unarchive": "write",
    "copy": "create",
    "copy_data": "read",
    "copy_translations": "write",
    "create": "create",
    "default_get": "create",
    "load": "create, write",
    "name_search": "read",
    "unlink": "unlink",
    "write": "write",
}

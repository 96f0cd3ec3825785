# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The past orders of the demo's call centre, in the Odoo of the dealership that has them.

The demo data says that they were sent. Here they are made at the dealer, so that links lead to
them and a look at the dealer finds them.
"""

import json

from . import databases, dealer

_READ = """
SELECT COALESCE(json_agg(json_build_object(
           'payload', orders.payload, 'state', orders.remote_state, 'sent', orders.sent_date,
           'change', orders.remote_amount_total / NULLIF(orders.remote_amount_sent, 0)
       ) ORDER BY orders.sent_date), '[]')
  FROM bpo_dealer_order orders
  JOIN bpo_dealership dealership ON dealership.id = orders.dealership_id
 WHERE orders.state = 'sent' AND dealership.code = '{code}'
"""

# Run inside the dealer's Odoo, as its service user would; what is there stays.
_CREATE = """
import json
user = env["res.users"].search([("login", "=", login)])
own = env(user=user.id, su=True, context=dict(env.context, tracking_disable=True))
products = {product.default_code: product.id for product in own["product.product"].search([])}

def create(model, wanted):
    new = {key: vals for key, vals in wanted.items() if not own.ref(key, False)}
    records = own[model].create(list(new.values()))
    own["ir.model.data"].create([
        dict(zip(("module", "name"), key.split(".")), model=model, res_id=record.id, noupdate=True)
        for key, record in zip(new, records)
    ])
    return dict(zip(new, records))

def customer(content):
    vals = {name: value for name, value in content["values"].items() if value}
    country = own["res.country"].search([("code", "=", content["country_code"])])
    return {**vals, "country_id": country.id}

def line(content):
    return (0, 0, {**content["values"], "product_id": products[content["product_code"]]})

past = {order["payload"]["external_id"]: order for order in past}
contents = {key: order["payload"] for key, order in past.items()}
customers = [content["customer"] for content in contents.values()]
create("res.partner", {each["external_id"]: customer(each) for each in customers})
created = create("sale.order", {
    key: {
        **content["values"],
        "partner_id": own.ref(content["customer"]["external_id"]).id,
        "user_id": False,
        "order_line": [line(each) for each in content["lines"]],
    }
    for key, content in contents.items()
})
found = {}
for key, order in created.items():
    sent = order.amount_total
    change = past[key]["change"] or 1
    if abs(change - 1) > 0.001:
        for each in order.order_line:
            each.price_unit *= change
    order.state = past[key]["state"]
    found[key] = {"key": key, "id": order.id, "name": order.name, "sent": sent,
                  "total": order.amount_total}
own.flush_all()
for key, order in created.items():
    env.cr.execute(
        "UPDATE sale_order SET create_date = %(sent)s, date_order = %(sent)s WHERE id = %(id)s",
        {"sent": past[key]["sent"], "id": order.id},
    )
env.cr.commit()
print("found:", json.dumps(list(found.values())))
"""

_WRITE = """
WITH found AS (
    SELECT * FROM json_to_recordset($found${found}$found$)
               AS found (key text, id integer, name text, sent numeric, total numeric)
), written AS (
    UPDATE bpo_dealer_order orders
       SET remote_id = found.id, remote_name = found.name, remote_amount_sent = found.sent,
           remote_amount_total = found.total
      FROM found
     WHERE orders.external_id = found.key
 RETURNING orders.lead_id, found.id, found.name
)
UPDATE crm_lead lead
   SET dealer_so_id = written.id, dealer_so_name = written.name
  FROM written
 WHERE lead.id = written.lead_id
"""


def bring_over(odoo, postgres, bpo, database, code):
    """Make the past orders of a dealership in its own Odoo, and note here what they are there.

    :param str bpo: the call centre's database, with demo data
    :param str database: the dealer's, with its service user and products
    :param str code: the dealership's
    """
    past = json.loads(postgres.sql(_READ.format(code=code), bpo))
    given = f"login, past = {dealer.LOGIN!r}, {past!r}\n"
    printed = databases.shell(odoo, postgres, database, given + _CREATE, addon=False)
    found = printed.rpartition("found:")[2].strip()
    postgres.sql(_WRITE.format(found=found), bpo)

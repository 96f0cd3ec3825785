# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A dealership's own Odoo: stock, with sales, and a service user with few rights."""

from . import databases

LOGIN = "bpo.service"
GROUPS = ("sales_team.group_sale_salesman", "base.group_partner_manager")

# Run inside Odoo, of any version since 14. The key is one that does not expire; a dealer's own user
# could only make one for 90 days.
_PREPARE = """
groups = [env.ref(name).id for name in {groups!r}]
Users = env["res.users"].with_context(no_reset_password=True)
user = Users.search([("login", "=", {login!r})])
if not user:
    user = Users.create({{"name": "BPO Service", "login": {login!r}, "email": "bpo@example.com"}})
groups_field = "group_ids" if "group_ids" in user._fields else "groups_id"
# in the place of those that a new user has by itself, sales administrator up to Odoo 18
user[groups_field] = [(6, 0, [env.ref("base.group_user").id, *groups])]
env["res.company"].browse(1).name = {company!r}
for code, name, price in {products!r}:
    product = env["product.product"].search([("default_code", "=", code)])
    product or product.create({{"name": name, "default_code": code, "list_price": price}})
keys = env["res.users.apikeys"].with_user(user).sudo()
keys.search([("user_id", "=", user.id)]).unlink()
expiry = [None] if "expiration_date" in keys._fields else []
key = keys._generate(None, "bpo_crm", *expiry)
env.cr.commit()
print("API key:", key)
"""


def prepare(odoo, postgres, database, products, company="Dealership"):
    """Give a dealer's database the service user and products, and return a new API key.

    Can be repeated: what is there stays, the key is replaced.

    :param products: (internal reference, name, price) of each
    """
    code = _PREPARE.format(
        groups=GROUPS, login=LOGIN, company=company, products=[tuple(each) for each in products]
    )
    printed = databases.shell(odoo, postgres, database, code, addon=False)
    return printed.rpartition("API key:")[2].split()[0]

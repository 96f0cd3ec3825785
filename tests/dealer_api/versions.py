# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What differs between the versions of Odoo that a dealer may have, as far as it matters here.

The one place where it is written down. The dealer in memory (``fault_dealer.py``) behaves as the
table says; what the product does about it is tried with each version (``test_versions.py``).
Odoo 14 and 19 are tried with real servers, too (``tests/e2e``). The product's own constants
(``dealer_api/session.py`` and others) are deliberately not read here: a wrong one has to be found.

Sources are files of Odoo in the branch of the version named, read in the branches on both sides of
the change.
"""

from typing import NamedTuple

FIRST, LAST = 12, 20
VERSIONS = tuple(f"{major}.0" for major in range(FIRST, LAST + 1))


class Difference(NamedTuple):
    """Something that only some versions have.

    :ivar first: the first version that has it, None where the oldest one here has it
    :ivar last: the last version that has it, None where the newest one here has it
    :ivar source: where it was read
    """

    first: int | None
    last: int | None
    source: str

    def holds(self, major):
        """Tell whether a version has it."""
        return (self.first or 0) <= major <= (self.last or major)


DIFFERENCES = {
    # How to get in
    "xmlrpc": Difference(
        None, 21, "pull request odoo/odoo#252721: removal of XML-RPC postponed to Odoo 22"
    ),
    "json2": Difference(19, None, "addons/rpc/controllers/json2.py; no such file in 18.0"),
    "web_version": Difference(
        19, None, "addons/rpc/controllers/__init__.py: /web/version; no such route in 18.0"
    ),
    "api_keys": Difference(
        14, None, "addons/base/models/res_users.py: class APIKeys; passwords only in 13.0"
    ),
    "expiring_keys": Difference(
        18, None, "addons/base/models/res_users.py: APIKeys.expiration_date; not in 17.0"
    ),
    # Rights
    "has_access": Difference(18, None, "odoo/models.py: has_access"),
    "check_access_rights": Difference(
        None, 19, "odoo/models.py: check_access_rights, deprecated from 18.0 on; not in 20.0"
    ),
    "readable_external_ids": Difference(
        None,
        14,
        "addons/base/security/ir.model.access.csv: access_ir_model_data_user is 1,0,1,0 in 14.0"
        " and 0,0,0,0 in 15.0",
    ),
    # load()
    "import_skip_records": Difference(
        15, None, "odoo/models.py: load; addons/base/models/ir_fields.py: db_id_for"
    ),
    "load_stops_after_ten": Difference(
        14, None, "odoo/models.py: load, 'Found more than 10 errors'; not in 13.0"
    ),
    "load_says_common_error": Difference(
        18, None, "odoo/models.py: load, global_error_message; not in 17.0"
    ),
    "load_says_only_the_message": Difference(
        17,
        None,
        "odoo/models.py: load, 'except UserError'; in 16.0 the message follows 'Unknown error"
        " during import:' and the class",
    ),
    "load_says_a_tuple": Difference(
        None, 13, "odoo/exceptions.py: except_orm.args is (message, value); not in 14.0"
    ),
    "load_logs_refusals": Difference(
        None, 13, "odoo/models.py: load, _logger.exception; _logger.debug in 14.0"
    ),
    # Companies and price lists
    "branches": Difference(17, None, "addons/base/models/res_company.py: _parent_store"),
    "pricelists_can_be_off": Difference(
        17, None, "addons/sale/models/sale_order.py: pricelist_id is required up to 16.0"
    ),
    # Products and orders
    "combos": Difference(18, None, "addons/product/models/product_template.py: type 'combo'"),
    "state_done": Difference(
        None, 16, "addons/sale/models/sale_order.py: state 'done'; 'locked' instead in 17.0"
    ),
}

# {model: {field: from when to when}}; those of the sale app and of what it installs by itself.
FIELDS = {
    "res.partner": {
        "mobile": Difference(None, 18, "addons/base/models/res_partner.py"),
        "email_normalized": Difference(
            13, None, "addons/mail/models/res_partner.py: _inherit; not stored on partners in 12.0"
        ),
        "phone_sanitized": Difference(
            13, None, "addons/sms/models/res_partner.py: _inherit mail.thread.phone"
        ),
    },
    "sale.order": {
        "locked": Difference(17, None, "addons/sale/models/sale_order.py"),
    },
    "sale.order.line": {
        "product_uom": Difference(None, 18, "addons/sale/models/sale_order_line.py"),
        "product_uom_id": Difference(19, None, "addons/sale/models/sale_order_line.py"),
        "tax_id": Difference(None, 18, "addons/sale/models/sale_order_line.py"),
        "tax_ids": Difference(19, None, "addons/sale/models/sale_order_line.py"),
    },
}


def has(name, major):
    """Tell whether a version has one of ``DIFFERENCES``."""
    return DIFFERENCES[name].holds(major)


def lacking_fields(major):
    """Return ``{model: {names}}`` of the fields that a version does not have."""
    return {
        model: {name for name, each in fields.items() if not each.holds(major)}
        for model, fields in FIELDS.items()
    }

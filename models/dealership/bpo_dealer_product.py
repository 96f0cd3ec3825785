# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, float_compare

from ..constants import MANAGER

UNCHECKED, KNOWN, UNKNOWN = "unchecked", "known", "unknown"
# What a problem of ``dealer_api`` with a code is here.
STATES = {
    None: KNOWN,
    "product_unknown": UNKNOWN,
    "product_ambiguous": "ambiguous",
    "product_not_saleable": "not_saleable",
    "product_combo": "combo",
}
# With a product in one of these states no order is taken.
PROBLEMS = tuple(state for state in STATES.values() if state != KNOWN)
# Where so many products may be sold, only those on units of leads are looked for at the dealers.
MOST_SALEABLE = 2000
# What is entered by hand; the rest is what was seen at the dealership.
BY_HAND_KEYS = {"dealership_id", "product_id"}
BY_HAND = BY_HAND_KEYS | {"code"}


class BpoDealerProduct(models.Model):
    """What the Odoo of a dealership knows of one of our products.

    A row per dealership and product that was looked for there. It is written only where something
    changed: when all was looked at stands on the dealership. ``code``, the dealership's own code
    for our product, is entered by hand or imported; such a row is there before the first look.
    """

    _name = "bpo.dealer.product"
    _description = "Product at a Dealership"
    _order = "dealership_id, id"

    dealership_id = fields.Many2one("bpo.dealership", required=True, ondelete="cascade")
    product_id = fields.Many2one(
        "product.product",
        required=True,
        ondelete="cascade",
        index=True,
        domain=[("sale_ok", "=", True)],
    )
    default_code = fields.Char("Internal Reference", related="product_id.default_code")
    code = fields.Char(
        "Code There",
        help="The dealership's own code for our product, where it is not our Internal Reference: "
        "orders for the dealership name the product by it.",
    )
    state = fields.Selection(
        [
            (UNCHECKED, "Not checked"),
            (KNOWN, "Known"),
            (UNKNOWN, "Unknown there"),
            ("ambiguous", "Several there"),
            ("not_saleable", "Not for sale there"),
            ("combo", "A combo there"),
        ],
        "At the Dealer",
        required=True,
        readonly=True,
        default=UNCHECKED,
        copy=False,
        help="What the dealership's Odoo had under the code at the last look. Orders with a "
        "product that it does not have exactly once, for sale, fail.",
    )
    checked_code = fields.Char(
        "Code Looked For",
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="The code that the dealership was asked for.",
    )
    price = fields.Monetary(
        "Price There",
        readonly=True,
        copy=False,
        groups=MANAGER,
        aggregator=None,
        help="The sales price of the product in the dealership's Odoo, in the currency of its "
        "company and before any price list. Orders have the price that was agreed on the lead.",
    )
    currency_id = fields.Many2one("res.currency", readonly=True, copy=False, groups=MANAGER)
    remote_id = fields.Integer(
        "Dealer's ID",
        readonly=True,
        copy=False,
        groups=MANAGER,
        aggregator=None,
        help="The id of the product in the dealership's own database.",
    )
    changed_date = fields.Datetime(
        "Since",
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="When a look first saw it like this.",
    )
    checked_date = fields.Datetime(
        "Last Look", related="dealership_id.products_checked", groups=MANAGER
    )

    _product_uniq = models.UniqueIndex(
        "(dealership_id, product_id)", "A dealership has one row for a product."
    )
    _problem_idx = models.Index("(dealership_id, state) WHERE state NOT IN ('known', 'unchecked')")

    @api.depends("dealership_id", "product_id")
    def _compute_display_name(self):
        for row in self:
            row.display_name = f"{row.product_id.display_name} ({row.dealership_id.name})"

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Create rows; one that is there already is written instead.

        So that a list of codes can be imported at any time, whatever was looked for before.
        """
        self.check_access("create")
        vals_list = [self._clean_vals(vals) for vals in vals_list]
        for vals in vals_list:
            self._check_by_hand(vals)
        found = self._find_rows(vals_list)
        new, codes = {}, {}
        for vals in vals_list:
            key = (vals.get("dealership_id"), vals.get("product_id"))
            if key not in found:
                new[key] = {**new.get(key, {}), **vals}
                continue
            if others := {name: value for name, value in vals.items() if name not in BY_HAND}:
                found[key].write(others)
            if "code" in vals:
                codes[found[key]] = vals["code"]
        rows = super().create(list(new.values()))
        # all in one go: codes may have been exchanged
        self._enter_codes(codes, rows.filtered("code"))
        found.update(zip(new, rows, strict=True))
        return self.browse(
            found[vals.get("dealership_id"), vals.get("product_id")].id for vals in vals_list
        )

    def write(self, vals):
        self.check_access("write")
        vals = self._clean_vals(vals)
        self._check_by_hand(vals)
        self._check_keys_kept(vals)
        others = {name: value for name, value in vals.items() if name not in BY_HAND}
        res = super().write(others)
        if "code" in vals:
            self._enter_codes(dict.fromkeys(self, vals["code"]))
        return res

    def unlink(self):
        """Let what waits go under our own code again."""
        self.check_access("unlink")
        with_code = self.filtered("code")
        changes = with_code._get_code_changes({row: row.code for row in with_code}, own=False)
        res = super().unlink()
        self.env["bpo.dealer.order"]._replace_codes(changes)
        return res

    @api.model
    def _clean_vals(self, vals):
        if "code" not in vals:
            return vals
        return {**vals, "code": (vals["code"] or "").strip() or False}

    def _check_by_hand(self, vals):
        """Let nobody write what only a look at the dealership knows.

        :raise UserError: a value that is not entered by hand
        """
        if not self.env.su and (others := set(vals) - BY_HAND):
            raise UserError(
                self.env._(
                    "Only the dealership's code for a product is entered by hand, not: "
                    "%(fields)s. The rest is what was seen in the dealership's Odoo.",
                    fields=", ".join(
                        self._fields[name]._description_string(self.env)
                        for name in sorted(others)
                        if name in self._fields
                    ),
                )
            )

    def _check_keys_kept(self, vals):
        """Refuse to make the row of one product that of another one.

        :raise UserError: another dealership or product
        """
        if any(row[name].id != vals[name] for name in BY_HAND_KEYS & set(vals) for row in self):
            raise UserError(
                self.env._("A row stays with its dealership and product. Add another row instead.")
            )

    @api.model
    def _find_rows(self, vals_list):
        """Return ``{(dealership id, product id): row}`` of rows that are there already."""
        dealership_ids = {vals.get("dealership_id") for vals in vals_list}
        product_ids = {vals.get("product_id") for vals in vals_list}
        keys = {(vals.get("dealership_id"), vals.get("product_id")) for vals in vals_list}
        rows = self.search_fetch(
            [
                ("dealership_id", "in", list(dealership_ids)),
                ("product_id", "in", list(product_ids)),
            ],
            ["dealership_id", "product_id", "code"],
        )
        found = {(row.dealership_id.id, row.product_id.id): row for row in rows}
        return {key: row for key, row in found.items() if key in keys}

    # ------------------------------------------------------------
    # CODES
    # ------------------------------------------------------------

    def _get_code(self):
        """Return the code by which orders name the product at the dealership."""
        self.ensure_one()
        return self.code or (self.product_id.default_code or "").strip()

    @api.model
    def _enter_codes(self, codes, new=()):
        """Write codes, look soon whether they are there, and let what waits go under them.

        :param dict codes: ``{row: code}``
        :param new: rows that were created with a code
        """
        codes = {row: code for row, code in codes.items() if (row.code or False) != code}
        before = {row: row._get_code() for row in codes}
        rows = self.browse().union(*codes)
        rows.check_access("write")
        for code, group in rows.grouped(codes.get).items():
            group._write_code(code)
        rows = rows.union(*new)
        if rows:
            rows.sudo().write(self._prepare_unchecked_vals())
            self.env["bpo.dealer.order"]._replace_codes(rows._get_code_changes(before))
            rows.dealership_id._ask_for_products()

    def _write_code(self, code):
        """Write a code, and nothing of what follows from it."""
        return super().write({"code": code})

    def _get_code_changes(self, before, own=True):
        """Return ``{dealership: {product: (code of before, code of now)}}``.

        :param dict before: ``{row: the code of before}``; our own one where a row is not in it
        :param bool own: the dealership's code is in use from now on; else ours is
        """
        changes = {}
        for row in self:
            ours = (row.product_id.default_code or "").strip()
            codes = before.get(row, ours), row._get_code() if own else ours
            changes.setdefault(row.dealership_id, {})[row.product_id] = codes
        return changes

    @api.model
    def _prepare_unchecked_vals(self):
        """Return the values of a row whose product was not looked for."""
        return {
            "state": UNCHECKED,
            "checked_code": False,
            "price": False,
            "currency_id": False,
            "remote_id": False,
            "changed_date": False,
        }

    @api.model
    @api.private
    def _get_rows(self, dealerships, products):
        """Return ``{(dealership, product): row}``, in one query."""
        rows = self.search_fetch(
            [("dealership_id", "in", dealerships.ids), ("product_id", "in", products.ids)],
            ["dealership_id", "product_id", "code", "state", "checked_code"],
        )
        return {(row.dealership_id, row.product_id): row for row in rows}

    @api.model
    @api.private
    def _get_codes(self, dealership, products):
        """Return ``{product: the code by which orders name it}`` at a dealership."""
        rows = self._get_rows(dealership, products) if dealership.has_own_codes else {}
        return {
            product: (row := rows.get((dealership, product)))
            and row.code
            or (product.default_code or "").strip()
            for product in products
        }

    # ------------------------------------------------------------
    # LOOKED FOR
    # ------------------------------------------------------------

    @api.model
    @api.private
    def _get_products_to_check(self, dealership):
        """Return the products that a dealership is asked for: those that an order may have.

        This method serves as a hook: for example, where dealerships sell some brands only.

        :param dealership: the dealership, as superuser
        """
        products = self.env["product.product"].with_context(active_test=False)
        domain = Domain("default_code", "!=", False)
        if dealership.company_id:
            domain &= Domain("company_id", "in", (False, dealership.company_id.id))
        saleable = domain & Domain("active", "=", True) & Domain("sale_ok", "=", True)
        on_units = domain & Domain.custom(to_sql=self._get_on_units_sql)
        if products.search_count(saleable, limit=MOST_SALEABLE + 1) > MOST_SALEABLE:
            return products.search_fetch(on_units, ["default_code"], order="id")
        return products.search_fetch(saleable | on_units, ["default_code"], order="id")

    @staticmethod
    def _get_on_units_sql(model, alias, query):
        """Return the condition of a product that is on units: looked up, not collected of all."""
        return SQL(
            "EXISTS (SELECT FROM bpo_lead_line line WHERE line.product_id = %s)",
            SQL.identifier(alias, "id"),
        )

    @api.model
    @api.private
    def _get_codes_to_check(self, dealership):
        """Return ``{product id: the code by which a dealership is asked for it}``."""
        own = self.search([("dealership_id", "=", dealership.id), ("code", "!=", False)]).product_id
        products = self._get_products_to_check(dealership) | own
        codes = self._get_codes(dealership, products)
        return {product.id: code for product, code in codes.items() if code}

    @api.model
    @api.private
    def _get_known_codes(self, dealership, codes):
        """Return ``{id at the dealer: code}`` of what was there at the last look.

        :param dict codes: ``{product id: code}`` that the dealership is to be asked for
        """
        rows = self.search_fetch(
            [("dealership_id", "=", dealership.id), ("state", "=", KNOWN)],
            ["product_id", "checked_code", "remote_id"],
        )
        rows = rows.filtered(lambda row: codes.get(row.product_id.id) == row.checked_code)
        known = set(rows.product_id.ids)
        # the same code of a product that was not looked for yet
        unknown = {code for product_id, code in codes.items() if product_id not in known}
        return {row.remote_id: row.checked_code for row in rows if row.checked_code not in unknown}

    @api.model
    @api.private
    def _write_catalog(self, dealership, codes, offers):
        """Write what a look saw; rows in which nothing changed are left alone.

        :param dict codes: ``{product id: code}`` that the dealership was asked for
        :param dict offers: ``{code: Offer}`` of the codes that were read anew
        :return: whether a code was entered meanwhile, which is to be asked for
        """
        rows = self.search([("dealership_id", "=", dealership.id)])
        rows = {row.product_id.id: row for row in rows}
        currencies = self._get_currencies({offer.currency for offer in offers.values()})
        products = self.env["product.product"].browse(codes).exists()
        new, is_changed = [], False
        for product_id in products.ids:
            code, row = codes[product_id], rows.pop(product_id, self.browse())
            if row and row._get_code() != code:
                is_changed = True
                continue
            if code not in offers:
                continue
            vals = self._prepare_offer_vals(code, offers[code], currencies)
            if not row:
                new.append({"dealership_id": dealership.id, "product_id": product_id, **vals})
            elif row._differs(vals):
                row.write(vals)
        self.create(new)
        gone = self.union(*rows.values())
        gone._forget()
        return is_changed

    @api.model
    def _get_currencies(self, names):
        currencies = self.env["res.currency"].with_context(active_test=False)
        found = currencies.search([("name", "in", list(names - {None}))])
        return {currency.name: currency for currency in found}

    @api.model
    def _prepare_offer_vals(self, code, offer, currencies):
        """Return the values of a row whose product was looked for.

        :param offer: the ``Offer`` of ``dealer_api``
        :param dict currencies: ``{name: currency}``
        """
        currency = currencies.get(offer.currency)
        return {
            "state": STATES[offer.problem],
            "checked_code": code,
            "price": currency.round(offer.price or 0.0) if currency else offer.price or 0.0,
            "currency_id": currency.id if currency else False,
            "remote_id": offer.remote_id or 0,
            "changed_date": fields.Datetime.now(),
        }

    def _differs(self, vals):
        """Tell whether a look saw something else than the one before."""
        self.ensure_one()
        return (
            any(self[name] != vals[name] for name in ("state", "checked_code", "remote_id"))
            or self.currency_id.id != vals["currency_id"]
            or float_compare(self.price, vals["price"], precision_digits=4) != 0
        )

    def _forget(self):
        """Let go of products that the dealership is not asked for any more."""
        with_code = self.filtered("code")
        with_code.filtered(lambda row: row.state != UNCHECKED).write(self._prepare_unchecked_vals())
        (self - with_code).unlink()

    # ------------------------------------------------------------
    # IMPORT, ACTIONS
    # ------------------------------------------------------------

    @api.model
    def get_import_templates(self):
        return [
            {
                "label": self.env._("Import Template for Codes at Dealerships"),
                "template": "/bpo_crm/static/xls/bpo_dealer_product.csv",
            }
        ]

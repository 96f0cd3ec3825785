# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from dataclasses import dataclass
from datetime import datetime, timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...dealer_api import DealerFault, look_at_products
from ..constants import MANAGER, PRODUCTS_CRON
from ..dealer_texts import prepare_asked_notification, translate_error
from ..engine.dealer_push import DealerProducts, wake
from .bpo_dealer_product import KNOWN, STATES, UNCHECKED, UNKNOWN

# Products are looked at once a day, an hour after the dealer could not be worked with, …
PRODUCTS_INTERVAL = timedelta(hours=23)
PRODUCTS_RETRY = timedelta(hours=1)
# … and all of them once a week, instead of those that were changed: what was deleted there leaves
# no trace.
PRODUCTS_FULL = timedelta(days=7)

# What a dealer's Odoo says of its products, and says tomorrow, too.
LASTING_KINDS = ("access", "missing", "user")
# Errors of no particular kind that are about the dealer as a whole.
CODES_OF_ALL = ("database_closed",)


@dataclass
class Asked:
    """What a dealership is asked for."""

    # {product id: code}
    codes: dict
    # {id at the dealer: code} of what was there at the last look
    known: dict
    # from when on changes may have been missed, by the dealer's clock; None to read everything
    since: datetime | None


class BpoDealership(models.Model):
    """Which of our products a dealership's Odoo knows, looked at once a day.

    Mostly one request (``dealer_api/catalog.py``), in transactions as those of the look at the
    orders (``bpo_dealership_survey.py``).
    """

    _inherit = "bpo.dealership"

    dealer_product_ids = fields.One2many(
        "bpo.dealer.product",
        "dealership_id",
        string="Products There",
        groups="bpo_crm.group_agent",
    )
    # no connection data: read with the dealership by whoever works with its leads
    products_checked = fields.Datetime(
        "Products Looked At",
        readonly=True,
        copy=False,
        help="When the dealership's Odoo was last asked for our products.",
    )
    has_own_codes = fields.Boolean(
        compute="_compute_has_own_codes", compute_sudo=True, store=True, exportable=False
    )
    next_product_check = fields.Datetime(
        readonly=True, copy=False, exportable=False, groups=MANAGER
    )
    last_product_full = fields.Datetime(readonly=True, copy=False, exportable=False, groups=MANAGER)
    products_since = fields.Datetime(readonly=True, copy=False, exportable=False, groups=MANAGER)
    products_message = fields.Char(
        "Products Cannot Be Looked At",
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="Why the dealership's Odoo did not tell which of our products it has.",
    )
    product_count = fields.Integer(
        "Products", compute="_compute_product_counts", groups=MANAGER, help="That were looked for."
    )
    unknown_product_count = fields.Integer(
        "Products Unknown There",
        compute="_compute_product_counts",
        groups=MANAGER,
        help="Products that the dealership's Odoo does not have under the code that orders have.",
    )
    doubtful_product_count = fields.Integer(
        "Products in Doubt There",
        compute="_compute_product_counts",
        groups=MANAGER,
        help="Products that the dealership's Odoo has more than once under the code that orders "
        "have, or does not sell.",
    )

    @api.depends("dealer_product_ids.code")
    def _compute_has_own_codes(self):
        groups = self.env["bpo.dealer.product"]._read_group(
            [("dealership_id", "in", self.ids), ("code", "!=", False)], ["dealership_id"]
        )
        with_codes = {group[0] for group in groups}
        for dealership in self:
            dealership.has_own_codes = dealership._origin in with_codes

    @api.depends("dealer_product_ids.state")
    def _compute_product_counts(self):
        groups = self.env["bpo.dealer.product"]._read_group(
            [("dealership_id", "in", self.ids), ("state", "!=", UNCHECKED)],
            ["dealership_id", "state"],
            ["__count"],
        )
        counts = {(dealership, state): count for dealership, state, count in groups}
        for dealership in self:
            seen = {state: counts.get((dealership._origin, state), 0) for state in STATES.values()}
            dealership.product_count = sum(seen.values())
            dealership.unknown_product_count = seen.pop(UNKNOWN)
            seen.pop(KNOWN)
            dealership.doubtful_product_count = sum(seen.values())

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_check_products(self):
        """Have the dealers asked which of our products they know.

        :raise UserError: the user is no BPO manager, or a connection was never tested
        """
        self._check_manager()
        self.check_access("write")
        if untested := self.filtered(lambda one: one.connection_state == "untested"):
            raise UserError(
                self.env._(
                    "The connections of these dealerships were not tested since they were entered: "
                    "%(dealerships)s. Press Test Connection first.",
                    dealerships=", ".join(untested.mapped("name")),
                )
            )
        self.products_since = False
        self._ask_for_products()
        return prepare_asked_notification(self.env)

    @api.private
    def _ask_for_products(self):
        """Have the dealers asked at the next commit, by the scheduled action."""
        self.sudo().next_product_check = False
        wake(self.env, PRODUCTS_CRON)

    def action_view_products(self):
        """Open what the dealership knows of our products, what it does not know first."""
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("bpo_crm.bpo_dealer_product_action")
        action["domain"] = [("dealership_id", "=", self.id)]
        has_problems = self.sudo().unknown_product_count or self.sudo().doubtful_product_count
        action["context"] = {
            "default_dealership_id": self.id,
            "search_default_problems": int(bool(has_problems)),
        }
        return action

    # ------------------------------------------------------------
    # LOOKING
    # ------------------------------------------------------------

    @api.model
    def _prepare_untested_vals(self):
        """Forget also what was seen of products: it may be another Odoo's from now on."""
        return {
            **super()._prepare_untested_vals(),
            "products_checked": False,
            "products_since": False,
            "products_message": False,
            "next_product_check": False,
        }

    @api.model
    def _cron_check_products(self):
        """Ask the dealerships that are due which of our products they know."""
        DealerProducts(self.sudo().env).run()

    @api.model
    @api.private
    def _get_due_for_products(self, without):
        """Return the dealerships whose products are to be looked at, the longest waiting first.

        Those only that were talked with before: a connection is tried out by a person.

        :param without: ids of dealerships that are not to be among them
        """
        tested = Domain("connection_state", "!=", "untested")
        return self._get_due_for_look("next_product_check", without, tested)

    @api.model
    @api.private
    def _check_products_of(self, dealership_id, seconds=None):
        """Ask a dealership for our products, and write what it has.

        :param int dealership_id: the dealership; it may have been deleted meanwhile
        :param float seconds: when the talk has to be over, if before the usual time
        :return: 1, or 0 where nothing could be written
        """
        return self._look_at_dealership(
            dealership_id,
            seconds,
            prepare=lambda dealership: dealership._prepare_products_look(),
            ask=lambda session, asked: look_at_products(
                session, asked.codes.values(), asked.known, asked.since
            ),
            write=lambda dealership, asked, catalog: dealership._write_products(asked, catalog),
            write_failed=lambda dealership, error: dealership._write_products_failed(error),
        )

    def _prepare_products_look(self):
        """Return what this dealership is ``Asked`` for."""
        self.ensure_one()
        rows = self.env["bpo.dealer.product"]
        codes = rows._get_codes_to_check(self)
        last_full = self.last_product_full
        is_full_due = not last_full or last_full <= fields.Datetime.now() - PRODUCTS_FULL
        since = not is_full_due and self.products_since or None
        return Asked(codes, rows._get_known_codes(self, codes) if since else {}, since)

    def _write_products(self, asked, catalog):
        """Write what a dealership has, and let the orders go whose products it has by now.

        :param asked: what the dealership was ``Asked`` for
        :param catalog: its ``Catalog``
        """
        self.ensure_one()
        now = fields.Datetime.now()
        rows = self.env["bpo.dealer.product"]
        is_changed = rows._write_catalog(self, asked.codes, catalog.offers)
        vals = {
            "products_checked": now,
            "products_since": catalog.since or False,
            "products_message": False,
            "next_product_check": False if is_changed else now + PRODUCTS_INTERVAL,
        }
        if not asked.since:
            vals["last_product_full"] = now
        self.write(vals)
        self.env["bpo.dealer.order"]._heal_products(self)

    def _write_products_failed(self, error):
        """Look again later.

        What is about the products alone keeps no order from its way: a missing right, a rule, an
        error of the dealer's Odoo while it reads them. Where the dealer as a whole cannot be worked
        with, the connection is as it is after any talk that failed.

        :param error: the ``DealerError`` that ended the talk
        """
        self.ensure_one()
        kind = error.kind if isinstance(error, DealerFault) else None
        is_lasting = kind in LASTING_KINDS
        pause = PRODUCTS_INTERVAL if is_lasting else PRODUCTS_RETRY
        self.next_product_check = fields.Datetime.now() + pause
        if is_lasting or (kind == "other" and error.code not in CODES_OF_ALL):
            self.products_message = translate_error(self.env, error)
        else:
            self._write_talk_failed(error)

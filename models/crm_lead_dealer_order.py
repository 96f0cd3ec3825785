# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import hashlib
import re

from odoo import models

from ..dealer_api import Customer, Order, OrderLine


class CrmLead(models.Model):
    """What a lead tells its dealer, and what it lacks for that.

    The private methods run sudo'ed on batches: they read, and never search.
    """

    _inherit = "crm.lead"

    def action_retry_dealer_order(self):
        """Send the failed orders of these leads again, with what the leads say now."""
        self.check_access("write")
        return self.dealer_order_id.action_retry()

    # ------------------------------------------------------------
    # WHAT IS MISSING
    # ------------------------------------------------------------

    def _get_missing_dealership(self, missing_connections, order):
        """Return what is missing on the side of the dealership.

        :param dict missing_connections: ``{dealership: [what its connection lacks]}``
        :param order: the ``bpo.dealer.order`` the lead has already, if any
        """
        self.ensure_one()
        dealership = self.dealership_id
        if not dealership:
            return [self.env._("no dealership is chosen")]
        names = {"dealership": dealership.name}
        missing = []
        if not dealership.active:
            missing.append(self.env._("%(dealership)s is archived", **names))
        if lacks := missing_connections[dealership]:
            missing.append(
                self.env._(
                    "the connection of %(dealership)s lacks: %(lacks)s",
                    lacks=", ".join(lacks),
                    **names,
                )
            )
        if self.company_currency != dealership.currency_id:
            missing.append(
                self.env._(
                    "the lead is in %(currency)s, %(dealership)s in %(other)s",
                    currency=self.company_currency.name,
                    other=dealership.currency_id.name,
                    **names,
                )
            )
        if order and order.possibly_sent and order.dealership_id != dealership:
            missing.append(
                self.env._(
                    "%(other)s may have the order %(reference)s of this lead: choose "
                    "%(other)s, or let a BPO manager confirm that it is not there",
                    other=order.dealership_id.name,
                    reference=order.reference,
                )
            )
        return missing

    def _get_missing_lines(self):
        """Return what is missing on the units sold."""
        self.ensure_one()
        if not self.line_ids:
            return [self.env._("no units are entered")]
        missing = []
        uncoded = self.line_ids.product_id.filtered(
            lambda product: not (product.default_code or "").strip()
        )
        if uncoded:
            missing.append(
                self.env._(
                    "no Internal Reference on the product: %(products)s",
                    products=", ".join(uncoded.mapped("name")),
                )
            )
        if empty := self.line_ids.filtered(lambda line: line.quantity <= 0):
            missing.append(
                self.env._(
                    "the quantity is not above zero: %(lines)s",
                    lines=", ".join(line.name or line.product_id.name for line in empty),
                )
            )
        return missing

    def _get_missing_customer(self):
        """Return what is missing about the customer."""
        self.ensure_one()
        missing = []
        if not self._get_customer_name():
            missing.append(self.env._("the customer has no name"))
        email, phone = self._get_customer_identity()
        if not email and not phone:
            missing.append(self.env._("the customer has neither a valid e-mail nor a phone"))
        return missing

    # ------------------------------------------------------------
    # WHAT IS SENT
    # ------------------------------------------------------------

    def _prepare_dealer_order(self, namespace):
        """Return the order as the dealer is to get it, an ``Order`` of ``dealer_api``.

        What other addons add comes through the hooks ``_prepare_dealer_order_values``,
        ``_prepare_dealer_customer_values`` and, on the units, ``_prepare_dealer_line_values``.

        :param str namespace: the module name of our external ids in the dealer's database
        """
        self.ensure_one()
        email, phone = self._get_customer_identity()
        return Order(
            external_id=f"{namespace}.lead_{self.id}",
            currency=self.company_currency.name,
            customer=Customer(
                external_id=f"{namespace}.customer_{self._get_customer_key(email, phone)}",
                values=self._prepare_dealer_customer_values(),
                country_code=self.country_id.code or "",
            ),
            lines=[
                OrderLine(
                    product_code=(line.product_id.default_code or "").strip(),
                    values=line._prepare_dealer_line_values(),
                )
                for line in self.line_ids
            ],
            values=self._prepare_dealer_order_values(),
        )

    def _prepare_dealer_order_values(self):
        """Return the values of the dealer's ``sale.order``, by columns of its ``load()``.

        This method serves as a hook: add a field of the order under its name there, a record by
        its name under the name of the field (``{"team_id": "Call centre"}``). A field that a
        dealer's Odoo does not have is left out, and chatter says so. Runs as superuser on
        batches: read, and do not search.
        """
        self.ensure_one()
        reference = self._get_dealer_reference()
        return {"client_order_ref": reference, "origin": f"{reference}: {self.name}"}

    def _prepare_dealer_customer_values(self):
        """Return the values of a new ``res.partner`` at the dealer, by columns of its ``load()``.

        This method serves as a hook, like ``_prepare_dealer_order_values``. A customer whom the
        dealer knows already is left as it is there.
        """
        self.ensure_one()
        email, phone = self._get_customer_identity()
        name = self._get_customer_name()
        company = (self.partner_name or "").strip()
        return {
            "name": name,
            "email": email,
            "phone": phone,
            "street": self.street or "",
            "street2": self.street2 or "",
            "zip": self.zip or "",
            "city": self.city or "",
            "company_name": company if company != name else "",
        }

    def _get_dealer_reference(self):
        """Return how people at the dealership and here name this lead's order to each other."""
        return f"BPO-{self.id:05}"

    def _get_customer_name(self):
        """Return the person, else the company, else the linked contact."""
        names = (self.contact_name, self.partner_name, self.partner_id.name)
        return next((name.strip() for name in names if name and name.strip()), "")

    def _get_customer_identity(self):
        """Return the e-mail and the phone by which a dealer recognises the customer.

        The phone is in E.164 form where it can be understood, else as it was typed.
        """
        email = self.email_normalized or ""
        phone = self.phone_sanitized or (self.phone or "").strip()
        return email, phone if re.search(r"\d", phone) else ""

    def _get_customer_key(self, email, phone):
        """Return the stable key of a customer: equal e-mail (or else phone), equal key."""
        identity = f"email:{email}" if email else f"phone:{re.sub(r'[^0-9+]', '', phone)}"
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

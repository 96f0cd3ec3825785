# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


def migrate(cr, version):
    """Bind the orders that are, or may be, at a dealer to the Odoo that their dealership has.

    Earlier releases did not note where an order was sent to; the connections of that time are
    those of today, as far as can be known.
    """
    cr.execute(
        """
        UPDATE bpo_dealer_order o
           SET remote_place = concat(d.odoo_url, ' ', d.odoo_db)
          FROM bpo_dealership d
         WHERE d.id = o.dealership_id
           AND o.remote_place IS NULL
           AND (o.state = 'sent' OR o.possibly_sent)
        """
    )
    # what an order may have been sent before is not known any better
    cr.execute(
        """
        UPDATE bpo_dealer_order
           SET first_attempt = create_date
         WHERE first_attempt IS NULL AND possibly_sent
        """
    )
    # replaced by one for all sent orders that are to be looked at
    cr.execute("DROP INDEX IF EXISTS bpo_dealer_order_nameless_idx")

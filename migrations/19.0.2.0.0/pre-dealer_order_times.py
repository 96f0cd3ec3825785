# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


def migrate(cr, version):
    """Say of all orders when they were won, and how long they took.

    Earlier releases knew when the row was made, which is when the lead was won first. Left to
    itself Odoo would take the present moment, and compute order by order.
    """
    cr.execute(
        """
        ALTER TABLE bpo_dealer_order
            ADD COLUMN IF NOT EXISTS won_date timestamp,
            ADD COLUMN IF NOT EXISTS delivery_minutes double precision
        """
    )
    cr.execute(
        """
        UPDATE bpo_dealer_order
           SET won_date = create_date,
               delivery_minutes = COALESCE(
                   GREATEST(EXTRACT(EPOCH FROM sent_date - create_date) / 60, 0), 0
               )
         WHERE won_date IS NULL
        """
    )

# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


def migrate(cr, version):
    """Take this database for the one of the keys that are stored; leave nulls out of reports.

    Earlier releases did not remember in which database a key was entered. The dealers go on
    getting their orders from where they got them. The External API's XML-RPC cannot tell nulls.
    """
    cr.execute(
        """
        UPDATE bpo_dealership
           SET key_database_uuid = (
               SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'
           )
         WHERE odoo_api_key IS NOT NULL AND key_database_uuid IS NULL
        """
    )
    # see COVER in models/connection/bpo_api_key.py
    cr.execute(
        """
        UPDATE bpo_dealership
           SET odoo_api_key = repeat('*', 64) || odoo_api_key
         WHERE odoo_api_key NOT LIKE repeat('*', 64) || '%'
        """
    )
    cr.execute(
        """
        UPDATE bpo_dealership
           SET check_report = jsonb_strip_nulls(check_report)
         WHERE check_report IS NOT NULL
        """
    )

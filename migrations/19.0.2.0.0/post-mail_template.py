# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

"""Templates belong to the people who edit them, so an update of the addon leaves them alone."""

OLD = "object.payload['customer']['name']"
NEW = "object.customer_name"


def migrate(cr, version):
    """Let e-mails about orders name the customer whatever the shape of the snapshot.

    The shipped subject reads the snapshot as 19.0.1.0.0 wrote it; with a new one no e-mail could
    be prepared.
    """
    cr.execute(
        """
        UPDATE mail_template
           SET subject = replace(subject::text, %(old)s, %(new)s)::jsonb,
               body_html = replace(body_html::text, %(old)s, %(new)s)::jsonb
         WHERE model = 'bpo.dealer.order'
           AND (strpos(subject::text, %(old)s) > 0 OR strpos(body_html::text, %(old)s) > 0)
        """,
        {"old": OLD, "new": NEW},
    )

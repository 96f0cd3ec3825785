# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

"""Templates belong to the people who edit them, so an update of the addon leaves them alone."""

# What it said of an order, and the field that it looks up for that by now
FIELDS = (
    ("object.payload['customer']['name']", "object.customer_name"),
    ("object.dealership_id.manager_name or object.dealership_id.name", "object.mail_addressee"),
    ("object._render_mail_details()", "object.mail_details"),
)
# As it was shipped: whoever wrote another sender decided who gets the replies.
SENDER = "{{ (object.company_id or user.company_id).email_formatted or user.email_formatted }}"


def migrate(cr, version):
    """Let e-mails about orders look up what they say: in fields, whatever the snapshot's shape.

    The shipped subject reads the snapshot as 19.0.1.0.0 wrote it; with a new one no e-mail could
    be prepared.
    """
    for old, new in FIELDS:
        cr.execute(
            """
            UPDATE mail_template
               SET subject = replace(subject::text, %(old)s, %(new)s)::jsonb,
                   body_html = replace(body_html::text, %(old)s, %(new)s)::jsonb
             WHERE model = 'bpo.dealer.order'
               AND (strpos(subject::text, %(old)s) > 0 OR strpos(body_html::text, %(old)s) > 0)
            """,
            {"old": old, "new": new},
        )
    # a reply reaches the agent, where nobody has decided otherwise; both are looked up then
    cr.execute(
        """
        UPDATE mail_template
           SET email_from = '{{ object.mail_sender }}', reply_to = '{{ object.mail_reply_to }}'
         WHERE id IN (SELECT res_id
                        FROM ir_model_data
                       WHERE model = 'mail.template'
                         AND module = 'bpo_crm'
                         AND name = 'mail_template_dealer_order_sent')
           AND coalesce(reply_to, '') = ''
           AND email_from = %(sender)s
        """,
        {"sender": SENDER},
    )

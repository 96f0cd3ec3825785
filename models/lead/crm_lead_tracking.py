# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict
from typing import NamedTuple

from markupsafe import escape

from odoo import models
from odoo.exceptions import MissingError
from odoo.fields import Command
from odoo.tools import SQL

# What the batch below does in the place of; and the code whose way of doing it is known. Where
# another addon has a say in one of these, its messages are posted one by one, as stock does.
STOCK_STEPS = {
    "crm.lead": (
        "message_post",
        "_message_compute_parent_id",
        "_notify_thread",
        "_notify_get_recipients",
        "_notify_thread_with_out_of_office",
    ),
    "mail.message": ("create",),
    "mail.followers": ("_get_recipient_data",),
}
KNOWN_CODE = ("odoo.orm.", "odoo.addons.mail.", "odoo.addons.rating.", "odoo.addons.sms.")
# As stock: of so many messages the one is looked for that a new one answers.
MOST_ANCESTORS = 200


class Post(NamedTuple):
    """A message about changes of one lead, before it is created."""

    # The crm.lead.
    lead: models.BaseModel
    # The mail.message.subtype.
    subtype: models.BaseModel
    # Text above the changes.
    body: str
    # Id of the res.partner that is to be the author; None is the user at work.
    author_id: int | bool | None
    # Commands that create the mail.tracking.value records.
    tracking: list


class CrmLead(models.Model):
    """What chatter says of many leads that changed together, in one go.

    Stock posts a message for each lead, in some eight queries; that is most of what a click on
    500 leads takes. Here the same messages are created together, with the same values, and only
    leads with somebody to notify go through stock's notification, one by one.

    The values are those of ``mail.thread.message_post``, for what ``_message_track`` gives it;
    ``test_lead_tracking.py`` holds that they are the same, field by field.
    """

    _inherit = "crm.lead"

    def _message_track(self, fields_iter, initial_values_dict):
        """Post what changed; in one go where it is many leads and no addon interferes."""
        if len(self) < 2 or not fields_iter or not self._may_post_together():
            return super()._message_track(fields_iter, initial_values_dict)
        tracking = self._get_tracking(fields_iter, initial_values_dict)
        posts = self._prepare_posts(tracking, initial_values_dict)
        posted = self.browse(post.lead.id for post in posts)
        # what stock does not post, but logs; it also forgets authors and texts that were set
        others = self.filtered(lambda lead: lead.id not in tracking or tracking[lead.id][0])
        if rest := others - posted:
            tracking |= super(CrmLead, rest)._message_track(fields_iter, initial_values_dict)
        self._post_together(posts)
        return tracking

    def _may_post_together(self):
        """Tell whether stock's own steps are all that posting a message takes here."""
        return not self.env.user._is_public() and all(
            self._is_stock_step(model, name)
            for model, names in STOCK_STEPS.items()
            for name in names
        )

    def _is_stock_step(self, model, name):
        """Tell whether a method is defined by code alone whose way of doing it is known."""
        return all(
            getattr(vars(cls)[name], "__module__", "").startswith(KNOWN_CODE)
            for cls in self.env.registry[model].mro()
            if name in vars(cls)
        )

    def _get_tracking(self, fields_iter, initial_values_dict):
        """Return ``{lead id: (names of changed fields, commands)}`` of the leads that exist."""
        tracked_fields = self.fields_get(
            fields_iter, attributes=("string", "type", "selection", "currency_field")
        )
        tracking = {}
        for lead in self:
            try:
                tracking[lead.id] = lead._mail_track(tracked_fields, initial_values_dict[lead.id])
            except MissingError:
                continue
        return tracking

    def _prepare_posts(self, tracking, initial_values_dict):
        """Return the messages of changes that have a subtype, and are posted for it.

        :param dict tracking: see :meth:`_get_tracking`
        """
        data = self.env.cr.precommit.data
        bodies = data.get(f"mail.tracking.message.{self._name}", {})
        authors = data.get(f"mail.tracking.author.{self._name}", {})
        posts = []
        for lead in self:
            changes, commands = tracking.get(lead.id, (None, None))
            if not changes:
                continue
            initial_values = initial_values_dict[lead.id]
            subtype = lead._track_subtype({name: initial_values[name] for name in changes})
            if not subtype or any(kind != Command.CREATE for kind, *_rest in commands):
                continue
            if lead.id in bodies:
                body = bodies[lead.id]
            else:
                body = lead._track_get_default_log_message(changes)
            author_id = authors[lead.id].id if lead.id in authors else None
            posts.append(Post(lead, subtype, body, author_id, commands))
        existing = self.env["mail.message.subtype"].concat(*(post.subtype for post in posts))
        existing = existing.exists()
        return [post for post in posts if post.subtype in existing]

    def _post_together(self, posts):
        """Create these messages in one go, and notify whom they concern, as stock does."""
        if not posts:
            return
        leads = self.browse(post.lead.id for post in posts)._fallback_lang()
        values_list = leads._prepare_messages(posts)
        messages = leads._create_messages(values_list)
        notified = leads._get_notified_ids(posts)
        for lead, message, values in zip(leads, messages, values_list, strict=True):
            lead._message_post_after_hook(message, values)
            if lead.id in notified:
                lead._notify_thread(message, values)

    def _prepare_messages(self, posts):
        """Return the values of these messages of these leads, as ``message_post`` has them."""
        parents = self._get_ancestor_ids()
        domains = self.sudo()._mail_get_alias_domains(default_company=self.env.company)
        companies = self._mail_get_companies(default=self.env.company)
        authors = {
            author_id: self._message_compute_author(author_id)
            for author_id in {post.author_id for post in posts}
        }
        reply_to = {
            author_id: self._notify_get_reply_to(default=email, author_id=author)
            for author_id, (author, email) in authors.items()
        }
        values_list = []
        for lead, post in zip(self, posts, strict=True):
            author_id, email_from = authors[post.author_id]
            values = {
                "tracking_value_ids": post.tracking,
                "email_add_signature": True,
                "author_id": author_id,
                "author_guest_id": False,
                "email_from": email_from,
                "model": self._name,
                "res_id": lead.id,
                "body": escape(post.body),
                "message_type": "notification",
                "parent_id": parents.get(lead.id, False),
                "subject": False,
                "subtype_id": post.subtype.id,
                "partner_ids": [],
                "incoming_email_to": False,
                "incoming_email_cc": False,
                "outgoing_email_to": False,
                "record_alias_domain_id": domains[lead.id].id,
                "record_company_id": companies[lead.id].id,
                "reply_to": reply_to[post.author_id][lead.id],
            }
            values.update(lead._process_attachments_for_post(None, [], values))
            values_list.append(values)
        return values_list

    def _create_messages(self, values_list):
        """Create messages, and what they say of changes in one statement for all."""
        messages = self._message_create(
            [
                {name: value for name, value in values.items() if name != "tracking_value_ids"}
                for values in values_list
            ]
        )
        messages.env["mail.tracking.value"].sudo().create(
            [
                {**values, "mail_message_id": message.id}
                for message, message_values in zip(messages, values_list, strict=True)
                for _create, _id, values in message_values["tracking_value_ids"]
            ]
        )
        return messages

    def _get_ancestor_ids(self):
        """Return ``{lead id: id of the message that a new one answers}``, as stock chooses it.

        Among the last messages, the last one that somebody has written; else the last one.
        """
        if not self._mail_flat_thread:
            return {}
        self.env["mail.message"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT lead.id, ancestor.id
                  FROM unnest(%(ids)s) lead(id)
            CROSS JOIN LATERAL (
                       SELECT recent.id
                         FROM (SELECT id, message_type, COALESCE(date, create_date) AS moment
                                 FROM mail_message
                                WHERE model = %(model)s AND res_id = lead.id
                                  AND message_type <> 'user_notification'
                             ORDER BY date DESC, id DESC
                                LIMIT %(most)s) recent
                     ORDER BY message_type IN ('comment', 'email') DESC, moment DESC, id DESC
                        LIMIT 1) ancestor
                """,
                ids=self.ids,
                model=self._name,
                most=MOST_ANCESTORS,
            )
        )
        return dict(rows)

    def _get_notified_ids(self, posts):
        """Return the ids of these leads with followers of the subtype their message has."""
        by_subtype = defaultdict(list)
        for post in posts:
            by_subtype[post.subtype.id].append(post.lead.id)
        notified = set()
        for subtype_id, lead_ids in by_subtype.items():
            recipients = self.env["mail.followers"]._get_recipient_data(
                self.browse(lead_ids), "notification", subtype_id, []
            )
            notified.update(lead_id for lead_id, found in recipients.items() if found)
        return notified

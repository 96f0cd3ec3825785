# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import is_html_empty

from ..constants import MANAGER
from .problem import Gap


def describe_gaps(record, stage, gaps):
    """Return what the web client needs to know to ask for what a record lacks.

    :param stage: the crm.stage that the record is to enter
    :param list gaps: see :class:`Gap`
    """
    return {
        "id": record.id,
        "name": record.display_name,
        "stage_id": stage.id,
        "fields": list(dict.fromkeys(name for gap in gaps for name in gap.field_names)),
        "problems": [gap.prompt for gap in gaps],
    }


class StageEntryIncomplete(ValidationError):
    """Records cannot enter their stage for want of values alone; the web client asks for these.

    :param dict problems: ``{record: [Gap]}`` of all records that were to move together, in the
        stage that they were to enter
    :param bool may_pass: the user may move them all the same (``bpo_crm_pass_conditions``)
    """

    def __init__(self, message, problems, may_pass=False):
        super().__init__(message)
        records = next(iter(problems)).browse().concat(*problems)
        # Sent along to the web client, which opens a dialog with what is missing.
        self.context = {
            "exception_class": "bpo_crm.stage_entry_incomplete",
            "model": records._name,
            "records": [
                describe_gaps(record, record.stage_id, gaps) for record, gaps in problems.items()
            ],
        }
        if may_pass:
            self.context["may_pass"] = True


class BpoStaged(models.AbstractModel):
    """Records that move through stages: what a stage asks for is checked when they enter it.

    What comes in by itself (mail, the website, a chatbot) is created by code that runs as
    superuser, and is never turned away: what is missing is shown on it. Whoever moves it later is
    asked, superuser or not.
    """

    _name = "bpo.staged"
    _description = "Record in a Stage"

    # said in full by the models
    stage_id = fields.Many2one("crm.stage")
    stage_requirements = fields.Text(
        "What to Do Here",
        related="stage_id.requirements",
        help="What is to be done in the present stage.",
    )
    entry_missing = fields.Char(
        "Missing Here",
        compute="_compute_entry_missing",
        help="What the present stage asks for that is not filled in.",
    )

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("stage_id")
    @api.depends_context("uid", "lang")
    def _compute_entry_missing(self):
        self.entry_missing = False
        lacking = self.filtered(
            lambda record: record.stage_id.sudo().has_conditions and record._is_open_in_stage()
        )
        for stage, records in lacking.grouped("stage_id").items():
            for record, problems in stage.sudo()._get_entry_problems(records).items():
                record.entry_missing = "; ".join(problems) or False

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    @api.model
    def action_fill_in_and_move(self, moves):
        """Write what was missing and move, all records in one transaction.

        :param list moves: ``{"id": …, "stage_id": …, "values": {…}}`` per record
        :raise ValidationError: what still stands against it; nothing is written
        """
        self.check_access("write")
        batches = []
        for move in moves:
            vals = {**move["values"], "stage_id": move["stage_id"]}
            batch = next((ids for known, ids in batches if known == vals), None)
            if batch is None:
                batches.append((vals, [move["id"]]))
            else:
                batch.append(move["id"])
        for vals, ids in batches:
            self.browse(ids).write(vals)
        return True

    # ------------------------------------------------------------
    # CONDITIONS OF STAGES
    # ------------------------------------------------------------

    def _get_problems_entry(self, origins, returning=None):
        """Return ``{record: [Problem]}``: what the stages ask for that these records lack.

        Only of records that enter their stage: a condition that is added later troubles nobody
        where they are.

        :param dict origins: ``{record: the crm.stage it was in}``
        :param returning: records that are open again where they were let in before: they are
            asked for nothing, but there has to be room for them
        """
        limited = self.env["crm.stage"]._get_strict_ids()
        asking = self.stage_id.filtered(
            lambda stage: stage.sudo().has_conditions or stage.id in limited
        )
        if not asking:
            return {}
        asked = self._filtered_asked(origins)
        coming = asked | returning if returning else asked
        problems = {}
        for stage, records in coming.filtered(lambda r: r.stage_id in asking)._get_in_stages():
            problems.update(stage.sudo()._get_move_problems(records, records & asked))
        if any(problems.values()) and self._may_pass_conditions("bpo_crm_pass_conditions"):
            self._log_passed({record: texts for record, texts in problems.items() if texts})
            return {}
        return problems

    def _get_in_stages(self):
        """Return ``[(stage, these records in it)]``.

        In the order of the stages' ids, so that nobody waits for each other at two strict limits.
        """
        return sorted(self.grouped("stage_id").items(), key=lambda group: group[0].id)

    def _filtered_asked(self, origins):
        """Return the records that enter their stage and have to give what it asks for."""
        return self.filtered(
            lambda record: (
                record.stage_id != origins[record]
                and (origins[record] or not record._comes_in_by_itself())
            )
        )

    def _comes_in_by_itself(self):
        """Tell whether this new record is let in without what its stage asks for."""
        return self.env.su

    def _may_pass_conditions(self, key=None):
        """Tell whether the user at work may move past conditions of stages.

        Not whether the code runs as superuser: automations do so in anybody's session.

        :param str key: only where this key of the context asks for it
        """
        if key and not self.env.context.get(key):
            return False
        user = self.env.user
        return user._is_superuser() or user.has_group(MANAGER)

    def _log_passed(self, problems):
        """Say in chatter which conditions a manager has moved records past."""
        self.browse().concat(*problems)._message_log_batch(
            bodies={
                record.id: self.env._(
                    "Moved to “%(stage)s” past its conditions: %(problems)s",
                    stage=record.stage_id.display_name,
                    problems="; ".join(texts),
                )
                for record, texts in problems.items()
            }
        )

    def _is_given(self, name):
        """Tell whether this record has a value in a field; a typed blank is none."""
        self.ensure_one()
        value = self[name]
        if self._fields[name].type == "html":
            return not is_html_empty(value)
        return bool(value.strip() if isinstance(value, str) else value)

    @api.model
    def _get_domain_open_in_stage(self):
        """Return which records count for the limit of their stage: the open ones.

        This method serves as a hook, together with :meth:`_is_open_in_stage`.
        """
        raise NotImplementedError

    def _is_open_in_stage(self):
        """Tell whether this record counts for the limit of its stage."""
        raise NotImplementedError

    def _get_limit_keys(self, vals):
        """Return ``{record: how it counts}`` of those in a stage with a strict limit.

        :param dict vals: what is about to be written; nothing is looked at for what cannot bring
            records into the count of their stage
        """
        limited = self.env["crm.stage"]._get_strict_ids()
        if not limited or not any(vals.get(name) for name in ("user_id", "active", "status")):
            return {}
        return {record: record._get_limit_key() for record in self if record.stage_id.id in limited}

    def _get_limit_key(self):
        """Return whose count this record is in: its agent's, or everybody's; False if in none."""
        if not self._is_open_in_stage():
            return False
        return self.user_id if self.stage_id.limit_scope == "user" else self.stage_id

    def _check_limits_kept(self, keys):
        """Refuse what brought records into the count of their stage without a move.

        That is another agent, to come back from the archive, to be opened again.

        :param dict keys: what :meth:`_get_limit_keys` returned before
        :raise ValidationError: a strict limit is exceeded
        """
        entered = self.browse(
            record.id for record, key in keys.items() if record._get_limit_key() not in (False, key)
        )
        problems = {}
        for stage, records in entered._get_in_stages():
            problems.update(stage.sudo()._get_limit_problems(records))
        if problems and not self._may_pass_conditions("bpo_crm_pass_conditions"):
            self._raise_problems(problems)

    # ------------------------------------------------------------
    # ON ENTERING
    # ------------------------------------------------------------

    def _schedule_entry_activities(self, origins):
        """Schedule what the stages want done by those who have a record that enters.

        Not for what is imported, which is work of the past, and not where the same is scheduled
        already. Nobody gets an e-mail for it: they see it among their activities.

        :param dict origins: ``{record: the crm.stage it was in}``
        """
        stages = self.stage_id.filtered(lambda stage: stage.sudo().entry_activity_type_id)
        if not stages or self.env.context.get("import_file"):
            return
        entering = self.filtered(
            lambda record: record.stage_id in stages and record.stage_id != origins[record]
        )
        activities = self.env["mail.activity"].sudo().with_context(mail_activity_quick_update=True)
        vals_list = []
        for stage, records in entering.grouped("stage_id").items():
            vals_list += stage.sudo()._prepare_entry_activities(records)
        activities.create(vals_list)

    def _prepare_entry_activity(self, stage):
        """Return the values of the activity that a stage wants done for this record."""
        self.ensure_one()
        kind = stage.entry_activity_type_id
        mover = self.env.user if not self.env.user._is_superuser() else kind.default_user_id
        return {
            "res_model_id": self.env["ir.model"]._get_id(self._name),
            "res_id": self.id,
            "activity_type_id": kind.id,
            "summary": kind.summary,
            "note": kind.default_note,
            "automated": True,
            "user_id": (self.user_id or mover).id,
            "date_deadline": fields.Date.context_today(self)
            + timedelta(days=stage.entry_activity_days),
        }

    # ------------------------------------------------------------
    # REFUSALS
    # ------------------------------------------------------------

    def _get_refusal(self, problems, are_new):
        """Return what makes the error that refuses a move, from its message.

        :param dict problems: ``{record: [Problem or text]}`` of all records that move together
        :param bool are_new: they are being created: there is nothing yet to fill in
        """
        texts = [text for texts in problems.values() for text in texts]
        if are_new or not all(isinstance(text, Gap) for text in texts):
            return ValidationError
        may_pass = all(text.cause for text in texts) and self._may_pass_conditions()
        return partial(StageEntryIncomplete, problems=problems, may_pass=may_pass)

    def _raise_problems(self, problems, refusal=ValidationError):
        """Refuse a move, if there are problems.

        :param dict problems: ``{record: [text]}``
        :param refusal: makes the error from its message
        :raise ValidationError: listing, per record, all that is wrong
        """
        if lines := self._get_problem_lines(problems):
            self.env["bpo.stage.refusal"]._note(problems)
            raise refusal(
                self.env._("Nothing was moved. Put this right first:\n%(problems)s", problems=lines)
            )

    def _get_problem_lines(self, problems):
        """Return ``problems`` in words, one line per record that has some."""
        return "\n".join(
            self.env._(
                "- %(lead)s: %(problems)s", lead=record.display_name, problems="; ".join(texts)
            )
            for record, texts in problems.items()
            if texts
        )

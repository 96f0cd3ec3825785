# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from functools import partial

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import is_html_empty


class Gap(str):
    """A problem, in words, that is solved by giving fields of the record a value.

    :ivar field_names: those fields
    :ivar prompt: the same to somebody who is about to fill them in; unless given, the text itself
    """

    def __new__(cls, text, *field_names, prompt=None):
        gap = super().__new__(cls, text)
        gap.field_names = field_names
        gap.prompt = prompt or text
        return gap


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
    """

    def __init__(self, message, problems):
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


class BpoStaged(models.AbstractModel):
    """Records that move through stages: what a stage asks for is checked when they enter it."""

    _name = "bpo.staged"
    _description = "Record in a Stage"

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    @api.model
    def action_fill_in_and_move(self, moves):
        """Write what was missing and move, all records in one transaction.

        :param list moves: ``{"id": …, "stage_id": …, "values": {…}}`` per record
        :raise ValidationError: what still stands against it; nothing is written
        """
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

    def _get_problems_entry(self, origins):
        """Return ``{record: [Gap or text]}``: what the stages ask for that these records lack.

        Only of records that enter their stage: a condition that is added later troubles nobody
        where they are.

        :param dict origins: ``{record: the crm.stage it was in}``
        """
        entering = self.filtered(
            lambda record: (
                record.stage_id != origins[record] and record.stage_id.sudo().has_conditions
            )
        )
        problems = {}
        for stage, records in entering.grouped("stage_id").items():
            problems.update(stage.sudo()._get_entry_problems(records))
        return problems

    def _is_given(self, name):
        """Tell whether this record has a value in a field; a typed blank is none."""
        self.ensure_one()
        value = self[name]
        if self._fields[name].type == "html":
            return not is_html_empty(value)
        return bool(value.strip() if isinstance(value, str) else value)

    # ------------------------------------------------------------
    # REFUSALS
    # ------------------------------------------------------------

    def _get_refusal(self, problems, are_new):
        """Return what makes the error that refuses a move, from its message.

        :param dict problems: ``{record: [Gap or text]}`` of all records that move together
        :param bool are_new: they are being created: there is nothing yet to fill in
        """
        texts = [text for texts in problems.values() for text in texts]
        if are_new or not all(isinstance(text, Gap) for text in texts):
            return ValidationError
        return partial(StageEntryIncomplete, problems=problems)

    def _raise_problems(self, problems, refusal=ValidationError):
        """Refuse a move, if there are problems.

        :param dict problems: ``{record: [text]}``
        :param refusal: makes the error from its message
        :raise ValidationError: listing, per record, all that is wrong
        """
        if lines := self._get_problem_lines(problems):
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

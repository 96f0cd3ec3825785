# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``load()`` of the dealer's Odoo, until every record has a result.

What makes each order exactly one is the dealer's own database: ``BaseModel.load()`` creates a
record together with its external id, which ``ir_model_data`` keeps unique, and with the context
``{"mode": "update", "noupdate": True}`` an existing one is left as it is and its id returned. So
everything here may be repeated at any time, also half done.

What ``load()`` does, read in Odoo's ``orm/models.py`` and seen on real dealers:

* ``ids`` has one id per *record* (not per row), in the order of the rows, existing and new
  ones alike. It is ``False`` as soon as one message is an error, and then nothing at all was
  created: the savepoint around everything is rolled back.
* The rows after the first of an order have only ``order_line/...`` cells. A row belongs to
  the order before it while all other cells are empty.
* An empty cell writes an empty field; the field's default applies only where there is no such
  column. So records are loaded together only when they have the same columns.
* ``record`` in a message counts records, ``rows`` counts rows. A problem with a reference is
  found while reading the rows. A problem of creation makes ``load()`` create the records again
  one by one to see which are to blame; it stops after ten, so that some of the blamed are
  found in the next round only.
* In that second case the error of the common attempt is put *first*, under the number of the
  first record of the batch, which may be innocent.
* The messages are English when the context has no language; before Odoo 17 they may be in
  the language of the service user, and PostgreSQL's are in that of the server. So nothing
  final is ever concluded from their wording: a record is refused when it was to blame in two
  separate calls. A conflict between transactions has passed by then.
* Two records of one batch with the same external id would both be created: never send any.
"""

from dataclasses import dataclass

from .errors import DealerAccessUncertain, DealerBadAnswer, DealerError, DealerFault
from .protocols import is_busy
from .records import is_id, is_positive

LOAD_CONTEXT = {"mode": "update", "noupdate": True}
# After so many records in a row for which the dealer's Odoo fails as a whole, the fault is not
# in the records.
CRASH_LIMIT = 3


@dataclass
class LoadRecord:
    """One record to load: its columns, ``id`` first, and its rows of cells."""

    columns: tuple
    rows: list


@dataclass
class LoadResult:
    """What became of one record: its id, or the message, fault or conflict instead.

    Without any of them the work was broken off before it was this record's turn.

    :ivar warned: the dealer's Odoo was not sure of what it was given
    :ivar field: the field that the message is about, where it names one
    """

    record_id: int | None = None
    message: str | None = None
    field: str | None = None
    fault: DealerFault | None = None
    busy: bool = False
    warned: bool = False


def cell(value, column=""):
    """Return a value as ``load()`` takes it in a cell.

    Lists go parted by commas, references as text (``load()`` splits them), True as a word.
    """
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, (list, tuple)):
        return ",".join(str(each) for each in value)
    if "/" in column and not isinstance(value, str):
        return str(value)
    return value


class Loader:
    """Load records in as few calls as possible, finding out which ones cannot be.

    ``load()`` takes all or nothing. The records it blames are set aside and loaded again among
    themselves; those blamed a second time are refused. When it blames nobody in particular,
    the batch is halved. So each call that fails either marks a record, or refuses one, or
    makes a batch smaller: it ends, after at most four calls per record.
    """

    def __init__(self, session, model):
        self.session = session
        self.model = model
        self.crashes = 0
        # An internal error may have come after the dealer had committed.
        self.uncertain = False
        # The error that ended the work before all had a result.
        self.broken_off = None

    def load(self, records, again=True):
        """Return one ``LoadResult`` per ``LoadRecord``.

        :param again: load what was blamed once more before it is refused
        :raise DealerError: when the dealer fails before the first id is known
        """
        self.records = records
        self.results = [None] * len(records)
        self.marked = set() if again else set(range(len(records)))
        queue = self._groups_by_columns()
        try:
            while queue:
                group = queue.pop(0)
                if self.crashes >= CRASH_LIMIT:
                    break
                # Depth first: where all fail, single records are reached, and given up, soon.
                queue[:0] = [part for part in self._load_group(group) if part]
        except DealerError as error:
            self.uncertain = self.uncertain or error.request_sent
            if not self._any_loaded():
                raise
            # What is there is there: report it, the rest is for the next run.
            self.broken_off = error
        return [result or LoadResult() for result in self.results]

    def _groups_by_columns(self):
        groups = {}
        for index, record in enumerate(self.records):
            groups.setdefault(record.columns, []).append(index)
        return list(groups.values())

    def _any_loaded(self):
        return any(result and result.record_id for result in self.results)

    def _load_group(self, group):
        """Load some records of the same columns; return the groups that remain to be loaded."""
        rows = [row for index in group for row in self.records[index].rows]
        columns = list(self.records[group[0]].columns)
        fault = None
        try:
            answer = self.session.call(
                self.model, "load", fields=columns, data=rows, context=LOAD_CONTEXT
            )
        except DealerFault as error:
            fault = error
        if fault:
            return self._after_fault(group, fault)
        ids, messages = self._checked(answer)
        if ids is not None and len(ids) == len(group):
            for index, record_id in zip(group, ids, strict=True):
                self.results[index] = self._loaded(record_id)
                self.results[index].warned = bool(answer.get("messages"))
            self.crashes = 0
            return []
        return self._after_messages(group, messages)

    def _loaded(self, record_id):
        """Return the result of a record; an id that cannot be one is a bad answer for it alone."""
        if is_id(record_id):
            return LoadResult(record_id=record_id)
        call = f"{self.model}.load"
        return LoadResult(fault=DealerFault("unexpected_answer", request_sent=True, call=call))

    def _checked(self, answer):
        """Return the ids (None when nothing was created) and the error messages."""
        if not isinstance(answer, dict):
            raise self._nonsense()
        ids = answer.get("ids") or None
        if ids is not None and not (isinstance(ids, list) and all(is_positive(i) for i in ids)):
            raise self._nonsense()
        messages = answer.get("messages") or []
        if not isinstance(messages, list):
            raise self._nonsense()
        messages = [message for message in messages if isinstance(message, dict)]
        return ids, [m for m in messages if m.get("type", "error") == "error"]

    def _nonsense(self):
        return DealerBadAnswer("unexpected_answer", call=f"{self.model}.load")

    def _after_fault(self, group, fault):
        if fault.kind == "missing" and self.model == "sale.order":
            raise DealerAccessUncertain("sales_missing")
        if fault.kind == "access":
            self._settle(group, fault=fault)
            return []
        if fault.kind == "other":
            self.uncertain = True
            # It may be about a field that is gone since it was asked for.
            self.session.forget()
        if len(group) > 1:
            return _halves(group)
        if fault.kind == "busy" and group[0] not in self.marked:
            self.marked.update(group)
            return [group]
        if fault.kind == "other":
            self.crashes += 1
            if self.crashes >= CRASH_LIMIT and not self._any_loaded():
                # Nothing works: that is a matter of the dealer's Odoo, not of these records.
                raise fault
        self._settle(group, fault=fault)
        return []

    def _after_messages(self, group, messages):
        blamed = self._blamed(group, messages)
        if not blamed:
            if len(group) > 1:
                return _halves(group)
            blamed = {group[0]: messages[0] if messages else {}}
        again = []
        for index, message in blamed.items():
            if index in self.marked:
                text = str(message.get("message") or "")
                field = message.get("field")
                self.results[index] = LoadResult(
                    message=text,
                    field=field if isinstance(field, str) else None,
                    busy=is_busy(text),
                )
            else:
                self.marked.add(index)
                again.append(index)
        return [[index for index in group if index not in blamed], again]

    def _blamed(self, group, messages):
        """Return ``{record: the first message that blames it}``."""
        named = [
            (message["record"], message)
            for message in messages
            if isinstance(message.get("record"), int) and 0 <= message["record"] < len(group)
        ]
        if len({number for number, _message in named}) > 1:
            first = named[0][0]
            if sum(number == first for number, _message in named) == 1:
                # It may be the error of all put under the first one's number. If it really
                # is the first one's, the next call will say so.
                named = named[1:]
        blamed = {}
        for number, message in named:
            blamed.setdefault(group[number], message)
        return blamed

    def _settle(self, group, **values):
        for index in group:
            self.results[index] = LoadResult(**values)


def _halves(group):
    middle = len(group) // 2
    return [group[:middle], group[middle:]]

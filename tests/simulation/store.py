# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A database in memory, as PostgreSQL is to the addon: snapshots, row locks, conflicts.

Transactions are REPEATABLE READ, as Odoo's are: each sees what was committed when it began, and
its own writes. Writing or locking a row that was committed by somebody else since then is a
conflict. Nobody waits here, since nobody else could go on meanwhile: where PostgreSQL would wait
for a lock, the lock's timeout is over at once.
"""

import psycopg2
import psycopg2.errors


class SerializationFailure(psycopg2.errors.SerializationFailure):
    """Somebody else has changed the row since this transaction began."""


class LockNotAvailable(psycopg2.errors.LockNotAvailable):
    """Somebody else holds the row."""


class UniqueViolation(psycopg2.errors.UniqueViolation):
    """Another row has this value."""


class Table:
    """The rows of one table: dicts that are never changed once they are committed."""

    def __init__(self, name):
        self.name = name
        self.rows = {}
        # {id: number of the commit that wrote the row}
        self.stamps = {}
        # {id: [(number of the commit that ended it, row or None)]}, for older transactions
        self.history = {}
        self.last_id = 0
        self.unique = ()
        # {column: {value: ids that have or had it}}: more than the truth, never less
        self.indexes = {}


class Database:
    """All tables, the open transactions, and the locks."""

    def __init__(self):
        self.tables = {}
        self.commits = 0
        self.open = []
        # {(table, id): transaction}
        self.locks = {}
        # {(key, key): transaction}
        self.advisory = {}

    def add_table(self, name, unique=(), indexed=()):
        """Add a table.

        :param unique: columns whose values are unique
        :param indexed: columns that rows are looked up by
        """
        table = self.tables[name] = Table(name)
        table.unique = tuple(unique)
        table.indexes = {column: {} for column in {*unique, *indexed}}
        return table

    def begin(self, now):
        """Return a new transaction."""
        transaction = Transaction(self, now)
        self.open.append(transaction)
        return transaction

    # ------------------------------------------------------------
    # Backups
    # ------------------------------------------------------------

    def backup(self):
        """Return what a dump holds: rows and sequences."""
        return {
            # indexes hold more than the truth anyway
            name: (dict(table.rows), table.last_id)
            for name, table in self.tables.items()
        }

    def restore(self, dump):
        """Put a dump in the place of what is there; nobody may be at work."""
        if self.open:
            raise RuntimeError("a database is restored while somebody is at work")
        self.commits += 1
        for name, (rows, last_id) in dump.items():
            table = self.tables[name]
            table.rows = dict(rows)
            table.stamps = dict.fromkeys(rows, self.commits)
            table.history = {}
            table.last_id = last_id
        self.locks = {}
        self.advisory = {}


class Transaction:
    """One transaction: what it sees, has written, and holds."""

    def __init__(self, database, now):
        self.database = database
        self.tables = database.tables
        self.now = now
        self.snapshot = database.commits
        # {table: {id: row or None}}
        self.writes = {}
        self.locked = set()
        self.advisory = set()
        self.is_open = True

    # ------------------------------------------------------------
    # Reading
    # ------------------------------------------------------------

    def get(self, table, record_id):
        """Return the row as this transaction sees it, None when there is none."""
        if table in self.writes and record_id in self.writes[table]:
            return self.writes[table][record_id]
        data = self.tables[table]
        if record_id not in data.stamps:
            return None
        if data.stamps[record_id] <= self.snapshot:
            return data.rows.get(record_id)
        for ended, row in data.history.get(record_id, ()):
            # the oldest that ended after the snapshot was taken
            if ended > self.snapshot:
                return row
        return None

    def ids(self, table, column=None, values=()):
        """Return ids of rows, ascending; with a column a few more than have one of the values."""
        data = self.database.tables[table]
        if column is not None:
            index = data.indexes[column]
            found = set()
            for value in values:
                found.update(index.get(value, ()))
            return sorted(found)
        written = self.writes.get(table)
        if not written:
            return sorted(data.stamps)
        return sorted({*data.stamps, *written})

    # ------------------------------------------------------------
    # Writing and locking
    # ------------------------------------------------------------

    def _take(self, table, record_id):
        """Hold a row for writing.

        :raise LockNotAvailable: somebody else holds it
        :raise SerializationFailure: somebody else has committed it since the beginning
        """
        key = (table, record_id)
        if key in self.locked:
            return
        holder = self.database.locks.get(key)
        if holder is not None and holder is not self:
            raise LockNotAvailable(f"canceling statement due to lock timeout: {key}")
        if self.database.tables[table].stamps.get(record_id, 0) > self.snapshot:
            raise SerializationFailure(
                f"could not serialize access due to concurrent update: {key}"
            )
        self.database.locks[key] = self
        self.locked.add(key)

    def try_lock(self, table, record_ids, limit=None):
        """Lock those of the rows that nobody holds, and return their ids, as SKIP LOCKED does."""
        taken = []
        for record_id in record_ids:
            if limit is not None and len(taken) >= limit:
                break
            if self.get(table, record_id) is None:
                continue
            holder = self.database.locks.get((table, record_id))
            if holder is not None and holder is not self:
                continue
            self._take(table, record_id)
            taken.append(record_id)
        return taken

    def lock(self, table, record_id):
        """Lock a row, and not go on without it."""
        if self.get(table, record_id) is not None:
            self._take(table, record_id)

    def insert(self, table, row):
        """Add a row and return its id; the sequence goes on also when this is rolled back."""
        data = self.database.tables[table]
        data.last_id += 1
        record_id = data.last_id
        row["id"] = record_id
        self._check_unique(data, record_id, row, row)
        self.writes.setdefault(table, {})[record_id] = row
        self._index(data, record_id, row, row)
        return record_id

    def update(self, table, record_id, values):
        """Write values to a row."""
        row = self.get(table, record_id)
        if row is None:
            raise KeyError((table, record_id))
        self._take(table, record_id)
        data = self.database.tables[table]
        if data.unique:
            self._check_unique(data, record_id, {**row, **values}, values)
        written = self.writes.setdefault(table, {})
        if record_id in written:
            row.update(values)
        else:
            written[record_id] = {**row, **values}
        if data.indexes:
            self._index(data, record_id, values, values)

    def delete(self, table, record_id):
        """Delete a row."""
        self._take(table, record_id)
        self.writes.setdefault(table, {})[record_id] = None

    @staticmethod
    def _index(data, record_id, row, changed):
        for column, index in data.indexes.items():
            if column in changed:
                index.setdefault(row.get(column), set()).add(record_id)

    def _check_unique(self, data, record_id, row, changed):
        for column in data.unique:
            if column not in changed:
                continue
            value = row.get(column)
            for other_id in data.indexes[column].get(value, ()):
                if other_id == record_id:
                    continue
                # unique indexes see what others have committed meanwhile, too
                other = self.get(data.name, other_id)
                committed = data.rows.get(other_id)
                mine = self.writes.get(data.name, {})
                if (other and other.get(column) == value) or (
                    other_id not in mine and committed and committed.get(column) == value
                ):
                    raise UniqueViolation(f"{data.name}.{column}: {value!r}")

    # ------------------------------------------------------------
    # The end
    # ------------------------------------------------------------

    def _end(self):
        database = self.database
        for key in self.locked:
            if database.locks.get(key) is self:
                del database.locks[key]
        for key in self.advisory:
            if database.advisory.get(key) is self:
                del database.advisory[key]
        database.open.remove(self)
        self.is_open = False

    def commit(self):
        """Make what was written visible to later transactions."""
        database = self.database
        if not self.is_open:
            raise RuntimeError("a transaction ends twice")
        keep = len(database.open) > 1
        if self.writes:
            database.commits += 1
            for name, written in self.writes.items():
                table = database.tables[name]
                for record_id, row in written.items():
                    if keep:
                        table.history.setdefault(record_id, []).append(
                            (database.commits, table.rows.get(record_id))
                        )
                    if row is None:
                        table.rows.pop(record_id, None)
                    else:
                        table.rows[record_id] = row
                    table.stamps[record_id] = database.commits
        self._end()
        if not database.open:
            for table in database.tables.values():
                if table.history:
                    table.history = {}

    def rollback(self):
        """Forget what was written."""
        if self.is_open:
            self.writes = {}
            self._end()

    def try_advisory_lock(self, key):
        """Take an advisory lock, as the session's; tell whether it could be had."""
        holder = self.database.advisory.get(key)
        if holder is not None and holder is not self:
            return False
        self.database.advisory[key] = self
        self.advisory.add(key)
        return True

    def advisory_unlock(self, key):
        """Give an advisory lock back."""
        if self.database.advisory.get(key) is self:
            del self.database.advisory[key]
        self.advisory.discard(key)

# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The demonstration with OCA's queue_job as the engine, in databases of its own."""

from . import databases
from .console import say
from .demo import Demo
from .postgres import database_name
from .servers import OdooServer, queue_settings


class QueueJobDemo(Demo):
    """Won leads go out by jobs; what a job leaves, the scheduled action finds."""

    def _server(self, role, number, addon):
        database = database_name(f"{role}_queue_job")
        settings = {"crons": 2, **queue_settings()} if addon else {"crons": 1}
        return OdooServer(self.odoo, self.postgres, database, number, addon=addon, **settings)

    def prepare_bpo(self):
        super().prepare_bpo()
        database = self.bpo.database
        installed = (
            "SELECT 1 FROM ir_module_module WHERE name = 'queue_job' AND state = 'installed'"
        )
        if not self.postgres.sql(installed, database):
            databases.install(self.odoo, self.postgres, database, ["queue_job"], demo=True)

    def show_order(self):
        super().show_order()
        jobs = self.bpo_rpc.search_read(
            "queue.job",
            [("channel", "=", "root.bpo_crm"), ("state", "in", ["started", "done"])],
            ["name"],
            order="id",
            limit=1,
        )
        for job in jobs:
            say(f"Sent by a job of queue_job: {job['name']} (channel root.bpo_crm)")

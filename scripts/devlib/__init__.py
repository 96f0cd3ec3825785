# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the commands in scripts/ share: a plain-Python library, standard library only.

``console``  what is printed, and problems said in plain words
``paths``    the state folder and what lies where in it
``locks``    one writer at a time, also across kill -9
``system``   programs of the operating system, and how to get them
``debian``   Odoo 19 from Debian's own package
``odoo``     where Odoo is, its virtual environment, how it is called
``process``  child processes that end with the script
``postgres`` the development database server
``databases``  databases made by Odoo: installed once, then copied
``servers``  Odoo servers: start, wait, stop, kill
``world``    a BPO's server and its dealers' servers, for end-to-end tests and measurements
``relay``    what lies between them, and can hang
``rpc``      the methods of a running Odoo
``dealer``   a dealership's own Odoo
``walls``    rules of this project that no linter knows
``linters``, ``suites``, ``demo``  what scripts/lint, scripts/test and scripts/demo run
``bench``    the measurements of scripts/bench
``setup``    all of it in order: from an empty state folder to what a command needs
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  whoever runs it may have an older one
    sys.exit("Python 3.11 or newer is needed; this is {}.{}.".format(*sys.version_info))

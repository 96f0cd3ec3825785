# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What scripts/simulate runs."""

import sys

from simulation.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

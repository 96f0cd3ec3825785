# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is in each picture: who looks, where, and what was done before. Plain Python."""

from dataclasses import dataclass, field

from ..demo import COMPANY

PHONE = {"width": 390, "height": 800, "mobile": True}

CARD, COLUMN = ".o_kanban_record", ".o_kanban_group"
DIALOG = ".modal .modal-footer .btn-primary"
# of the demo data
WON = "Hatchbacks for a driving school"
LOST = "Trade-in against an estate"
INCOMPLETE = "Estate with room for two dogs"


@dataclass
class Shot:
    """One picture.

    :param login: whose screen it is
    :param path: what stands behind ``/odoo/`` in the address
    :param wait: what is there when the page is
    :param steps: what is done there, each ``(method of the browser, arguments…)``
    :param width, height: of the window at a desk, in pixels
    """

    login: str
    path: str
    wait: str
    steps: list = field(default_factory=list)
    width: int = 1280
    height: int = 760


def _drop(card, column):
    return ("drag", (CARD, card), (COLUMN, column))


def _record(name):
    return ("click", ".o_data_row .o_data_cell", name)


# what the board of an agent shows at first: managers want to see those of all
EVERYBODYS = ("click", ".o_searchview_facet .o_facet_remove")
BOARD = Shot("manager", "crm", CARD, [EVERYBODYS, ("wait", CARD, WON)], width=1440)
AGENTS_BOARD = Shot("alice", "crm", CARD)
LOST_DIALOG = Shot("alice", "crm", CARD, [_drop(LOST, "Lost"), ("wait", DIALOG)])
FILL_IN = Shot(
    "manager",
    "crm",
    CARD,
    [EVERYBODYS, _drop(INCOMPLETE, "Won"), ("wait", ".o_bpo_fill_in")],
)
STAGES = Shot(
    "manager",
    "action-crm.crm_stage_action",
    ".o_data_row",
    [("click", ".o_group_header", "Services"), ("wait", ".o_data_row", "Received")],
)
DEALERSHIP = Shot(
    "manager",
    "action-bpo_crm.bpo_dealership_action",
    ".o_data_row",
    [
        _record(COMPANY),
        ("click", ".nav-link", "Connection"),
        ("click", "button[name=action_test_connection]"),
        ("settle",),
    ],
    height=1000,
)
PREVIEW = Shot(
    "alice",
    "crm",
    CARD,
    [("click", CARD, WON), ("click", "button", "Preview Order"), ("wait", ".modal table")],
)
ORDERS = Shot("manager", "action-bpo_crm.bpo_dealer_order_action", ".o_data_row")
SERVICES = Shot(
    "manager",
    "action-bpo_crm.bpo_service_action",
    CARD,
    [("click", CARD, "Vehicle Registration"), ("wait", COLUMN, "Processing")],
)
OVERVIEW = Shot("supervisor", "dealer-overview", CARD)
FUNNEL = Shot("supervisor", "bpo-funnel", ".o_bpo_funnel", height=560)
DASHBOARD = Shot("supervisor", "bpo-dashboard", ".o_bpo_dashboard", height=1000)
# a phone has no room for the buttons of a form: they are in a menu
PHONE_MENU = ("click", ".o_form_statusbar .dropdown-toggle")
PHONE_LOST = Shot(
    "alice",
    "crm",
    CARD,
    [("click", CARD, LOST), PHONE_MENU, ("click", ".dropdown-item", "Lost"), ("wait", DIALOG)],
)
PHONE_PREVIEW = Shot(
    "alice",
    "crm",
    CARD,
    [
        ("click", CARD, WON),
        PHONE_MENU,
        ("click", ".dropdown-item", "Preview Order"),
        ("wait", ".modal table"),
    ],
)

DESKTOP_PICTURES = {
    "board": BOARD,
    "lost_dialog": LOST_DIALOG,
    "fill_in": FILL_IN,
    "stages": STAGES,
    "preview": PREVIEW,
    "orders": ORDERS,
    "dealership": DEALERSHIP,
    "overview": OVERVIEW,
    "services": SERVICES,
    "funnel": FUNNEL,
    "dashboard": DASHBOARD,
}
# screens side by side in one picture
PHONE_PICTURES = {
    "phone_agent": [AGENTS_BOARD, PHONE_LOST, PHONE_PREVIEW],
    "phone_manager": [OVERVIEW, DASHBOARD, FUNNEL],
}
FILM = "film"
NAMES = [*DESKTOP_PICTURES, *PHONE_PICTURES, FILM]

# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A silent film: a deal is dragged to Won, and its order is at the dealer."""

import json
import time

from . import files
from .shots import CARD, COLUMN, WON

SIZE = {"width": 1280, "height": 720, "scale": 0.75}
CLOSE = ".o_notification_close"
STEP, LOOK = 90, 2200  # milliseconds of a frame: something moves, something is to be read

# The mouse, and a line of text below: a picture of the browser has no mouse.
_OVERLAY = """(() => {
    const [text, x, y] = %s;
    document.querySelector("#film")?.remove();
    const film = document.createElement("div");
    film.id = "film";
    film.style = "position:fixed;inset:0;z-index:99999;pointer-events:none";
    film.innerHTML = `
        <svg style="position:absolute;left:${x}px;top:${y}px" width="22" height="32">
            <path d="M1 1v24l6-6 4 10 4-2-4-9h9z" fill="#000" stroke="#fff" stroke-width="1.5"/>
        </svg>
        <div style="position:absolute;bottom:0;width:100%%;padding:14px 24px;background:#1f2937;
            color:#fff;font-size:24px;text-align:center">${text}</div>`;
    document.body.append(film);
})()"""
_WITHOUT = "document.querySelector('#film')?.remove()"


class Film:
    """The film as it is taken.

    :param bpo: address and database of the call centre
    :param dealer: those of the dealership
    """

    def __init__(self, browser, bpo, dealer):
        self.browser = browser
        self.bpo, self.dealer = bpo, dealer
        self.frames = []
        self.text = ""

    def take(self):
        """Return the frames, ``(picture, milliseconds)`` of each."""
        self.browser.size(**SIZE)
        self._win()
        self._look_at_dealer()
        return self.frames

    def _win(self):
        url, database = self.bpo
        self.browser.log_in(url, database, "alice")
        self.browser.open(f"{url}/odoo/crm", CARD)
        self.browser.reach(COLUMN, "Won")
        self.browser.settle()
        self.browser.mouse = (300, 560)
        self._show("The call centre's board: an agent has sold something")
        self.browser.move(self.browser.reach(CARD, WON), 5, self._step)
        self.text = "She drags the deal to Won"
        self.browser.drag((CARD, WON), (COLUMN, "Won"), 10, self._step)
        self.browser.wait(".o_notification", "Undo")
        # what counts the seconds down is never at rest
        time.sleep(1)
        self._show("For some seconds it can be taken back; closing the notice sends the order")
        self.browser.move(self.browser.reach(f".o_notification {CLOSE}"), 6, self._step)
        self.browser.press()
        self.browser.release()
        self.browser.reach(f"{CARD}:has(.text-bg-success)", WON)
        self.browser.settle()
        self._show("Seconds later the card has the number of the dealer's order", 2 * LOOK)

    def _look_at_dealer(self):
        url, database = self.dealer
        self.browser.log_in(url, database, "admin")
        self.browser.open(f"{url}/odoo/sales", ".o_searchview_facet")
        self.browser.settle()
        # the order is in nobody's name until somebody takes it
        self.browser.click(".o_searchview_facet .o_facet_remove")
        self.browser.wait(".o_data_row .o_data_cell")
        self.browser.settle()
        self._show("The dealership's own Odoo: nothing of ours is installed there")
        self.browser.move(self.browser.reach(".o_data_row .o_data_cell"), 5, self._step)
        self.browser.click(".o_data_row .o_data_cell[name=name]")
        self.browser.wait(".o_form_view .o_field_widget[name=order_line] .o_data_row")
        self.browser.settle()
        self._show("The order is there: customer, units, agreed prices", 2 * LOOK)

    def _step(self):
        self._frame(STEP)

    def _show(self, text, milliseconds=LOOK):
        self.text = text
        self._frame(milliseconds)

    def _frame(self, milliseconds):
        self.browser.run(_OVERLAY % json.dumps([self.text, *self.browser.mouse]))
        self.frames.append((files.read(self.browser.picture()), milliseconds))
        self.browser.run(_WITHOUT)

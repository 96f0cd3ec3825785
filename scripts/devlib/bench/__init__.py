# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The measurements of scripts/bench, each a comparison made in one run.

``table``    what a measurement came to, and how it is shown
``orders``   won leads to their dealer, against a plain script and against the dealer's own limit
``hanging``  ten dealers, two of which hang
``compare``  moving leads and opening the board, against stock CRM
``inside``   the code of ``compare`` that runs inside Odoo
``install``  installing on a CRM in use
``leads``    many leads, made by SQL
``fleet``    the daily look at the orders of many dealerships
``drain``    many orders of many dealers, by each engine
``growth``   more and more orders, of more and more dealers
``alone``    from a click to the dealer and back, one order after the other
``asked``    how many requests orders take
``reports``  opening the reports, and how that grows
``entries``  many deals with the stages they went through, made by SQL
``meter``    what a server takes of the machine
``picture``  how something grows, drawn
"""

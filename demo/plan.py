# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The demo's call centre: what happened there in the twelve months until now.

Made up by a formula, the same on every machine on the same day. Nobody in it is a person: customers
are a kind of household or business, and a place. Written to the database by ``bpo_demo.py``.
"""

import math
import random
from datetime import datetime, time, timedelta
from typing import NamedTuple

SEED = 19
DAYS = 365
OPENS, CLOSES = 8, 18
# How many enquiries come in on a working day, and how that differs by month and weekday.
DAILY = 1.55
GROWTH = 0.25
SEASON = (0.8, 0.9, 1.3, 1.15, 1.0, 1.1, 0.75, 0.7, 1.3, 1.1, 1.0, 0.75)
WEEK = (1.25, 1.1, 1.0, 1.0, 0.95, 0.35, 0.0)


class Agent(NamedTuple):
    """Who works the deals: how many come to them, how fast they act, how well they sell."""

    user: str
    share: float
    hours_to_move: float
    skill: float


class Dealer(NamedTuple):
    """For whom deals are sold."""

    dealership: str
    share: float
    skill: float
    # how much longer negotiations take
    slowness: float
    cities: tuple


class Step(NamedTuple):
    """A stage that was entered; by nobody where the deal came in by itself."""

    stage: str
    entered: datetime
    user: str | None


class Order(NamedTuple):
    """What became of the order of a deal that was won."""

    state: str
    won: datetime
    sent: datetime | None
    attempts: int
    # at the dealer, and by what part the total was changed there
    remote_state: str | None = None
    change: float = 0.0
    # why the dealer refused it
    cause: str | None = None


class Deal(NamedTuple):
    """A deal with all it went through."""

    name: str
    customer: str
    is_firm: bool
    city: str
    agent: Agent | None
    dealer: Dealer
    source: str
    units: tuple
    priority: str
    steps: list
    lost_reason: str | None
    order: Order | None

    @property
    def created(self):
        return self.steps[0].entered

    @property
    def stage(self):
        return self.steps[-1].stage

    @property
    def is_open(self):
        return self.stage not in ("won", "lost")


class Request(NamedTuple):
    """A service request with all it went through."""

    name: str
    service: str
    client: str
    user: str
    days_allowed: int
    steps: list


AGENTS = (
    Agent("user_demo_alice", 0.36, 2.5, 0.12),
    Agent("user_demo_ben", 0.32, 7.0, -0.02),
    Agent("user_demo_evening", 0.22, 12.0, -0.10),
    Agent("user_demo_supervisor", 0.10, 5.0, 0.05),
)
DEALERS = (
    Dealer("dealership_harbour", 0.45, 0.04, 1.0, ("Port Lindley", "Saltmarsh")),
    Dealer("dealership_hillside", 0.33, 0.0, 1.4, ("Upper Fenwick", "Fenwick Mill", "High Barrow")),
    Dealer("dealership_lakeside", 0.22, -0.08, 1.1, ("Mere Bridge", "Lower Mere")),
)
# {source: (how many come from it, how well they sell)}
SOURCES = {
    "bpo_crm.source_dealer_website": (0.34, 0.05),
    "bpo_crm.source_hotline": (0.22, 0.08),
    "bpo_crm.source_car_portal": (0.30, -0.12),
    "utm.utm_source_newsletter": (0.09, -0.03),
    "bpo_crm.source_trade_fair": (0.05, 0.0),
}
# (who, whether a firm, what they want)
CUSTOMERS = (
    ("Young family", False, "product_estate", "Estate for a young family"),
    ("Young family", False, "product_suv", "SUV with room for a pram"),
    ("Retired couple", False, "product_hatchback", "Small car, easy to get into"),
    ("Commuter", False, "product_electric", "Electric car for commuting"),
    ("Commuter", False, "product_hatchback", "Hatchback with good mileage"),
    ("Student household", False, "product_hatchback", "First car, as cheap as it gets"),
    ("Car-sharing neighbours", False, "product_electric", "One electric car for a street"),
    ("Camping household", False, "product_estate", "Estate that pulls a caravan"),
    ("Bakery", True, "product_van", "Van for the delivery round"),
    ("Courier service", True, "product_van", "Vans for a courier service"),
    ("Flower shop", True, "product_van", "Van with a cool box"),
    ("Driving school", True, "product_hatchback", "Cars to learn to drive in"),
    ("Care service", True, "product_electric", "Cars for home visits"),
    ("Carpentry", True, "product_pickup", "Pickup for long timber"),
    ("Garden centre", True, "product_pickup", "Pickup with a tow bar"),
    ("Estate agency", True, "product_suv", "SUV to drive clients around"),
)
# What a dealership has under another code; in no past order.
ROOF_BOX = ("Camping household", False, "product_roofbox", "Roof box for the holidays")
EXTRAS = {
    "product_estate": ("product_towbar", 0.35),
    "product_pickup": ("product_towbar", 0.55),
    "product_electric": ("product_wallbox", 0.45),
}
# Of firms, how many of them are bought at once.
FLEET = (1, 1, 1, 2, 2, 3, 5)

# -- what deals go through

# (half of the deals stay no longer, in hours; the stage after it; {what else: how often})
NEXT = {
    "new": ("qualified", {"lost": 0.17}),
    "qualified": ("negotiation", {"lost": 0.24}),
    "negotiation": ("won", {"qualified": 0.06}),
}
HOURS = {"new": 0.0, "qualified": 44.0, "negotiation": 120.0}
WON_OF_NEGOTIATED = 0.52
# A deal that nobody touches, one that comes back, one that was won by mistake.
STALLED, STALL_FACTOR = 0.06, 9.0
RESTORED = 0.03
TAKEN_BACK = 0.03
LOST_REASONS = {
    "new": {
        "bpo_crm.lost_reason_unreachable": 42,
        "bpo_crm.lost_reason_no_interest": 24,
        "bpo_crm.lost_reason_invalid": 20,
        "crm.lost_reason_2": 14,
    },
    "qualified": {
        "bpo_crm.lost_reason_postponed": 30,
        "bpo_crm.lost_reason_financing": 22,
        "bpo_crm.lost_reason_no_interest": 20,
        "crm.lost_reason_3": 16,
        "bpo_crm.lost_reason_unreachable": 12,
    },
    "negotiation": {
        "crm.lost_reason_1": 38,
        "bpo_crm.lost_reason_competitor": 27,
        "bpo_crm.lost_reason_trade_in": 16,
        "bpo_crm.lost_reason_financing": 11,
        "bpo_crm.lost_reason_postponed": 8,
    },
}

# -- what orders go through

# (since how many days ago, until how many days ago) a dealership took none
OUTAGES = {
    "dealership_hillside": ((76.2, 74.9),),
    "dealership_lakeside": ((191.5, 190.8),),
}
# Those that do not take orders now, since so many days.
CLOSED_SINCE = {"dealership_hillside": 0.2, "dealership_lakeside": 2.0}

# The last days' orders in every state, whatever chance says of them:
# (customer, dealership, agent, won so many hours ago, state, cause)
RECENT = (
    (CUSTOMERS[6], 0, 0, 1.2, "sent", None),
    (CUSTOMERS[12], 0, 1, 2.6, "sent", None),
    (CUSTOMERS[8], 1, 0, 1.5, "pending", None),
    (CUSTOMERS[1], 1, 2, 3.1, "pending", None),
    (CUSTOMERS[3], 2, 1, 5.0, "pending", None),
    (CUSTOMERS[11], 2, 0, 27.0, "pending", None),
    (CUSTOMERS[14], 1, 1, 360.0, "failed", "product_unknown"),
    (CUSTOMERS[13], 1, 0, 470.0, "failed", "product_unknown"),
    (CUSTOMERS[0], 2, 2, 560.0, "failed", "right_missing"),
    (CUSTOMERS[4], 0, 2, 49.0, "cancelled", None),
    (ROOF_BOX, 0, 0, 20.0, "failed", "product_unknown"),
)

# What came in since yesterday, and nobody has called yet:
# (customer, dealership, agent if one has taken it, so many hours ago)
FRESH = (
    (CUSTOMERS[7], 0, None, 0.4),
    (CUSTOMERS[15], 1, None, 0.9),
    (CUSTOMERS[5], 2, 1, 1.6),
    (CUSTOMERS[9], 0, 0, 2.2),
    (CUSTOMERS[10], 1, 2, 15.0),
    (CUSTOMERS[2], 0, None, 17.5),
)

# -- services

SERVICES = {
    "service_registration": (
        (
            ("service_stage_received", 9.0),
            ("service_stage_in_review", 26.0),
            ("service_stage_awaiting_client", 70.0),
            ("service_stage_processing", 55.0),
            ("service_stage_complete", 0.0),
        ),
        11,
        (
            "Register a new hatchback",
            "Change of owner, estate car",
            "Plates for a delivery van",
            "Register a used pickup",
            "Insurance confirmation for an SUV",
        ),
    ),
    "service_test_drive": (
        (
            ("service_stage_received", 5.0),
            ("service_stage_appointment", 60.0),
            ("service_stage_complete", 0.0),
        ),
        7,
        (
            "Test drive of the electric model",
            "Test drive on a Saturday",
            "Test drive with a caravan",
        ),
    ),
}
OPTIONAL_STAGES = {"service_stage_awaiting_client": 0.4}
# stock's demo contacts, all of them companies
CLIENTS = ("1", "2", "3", "4", "10", "12", "18")
DAILY_REQUESTS = 0.36


def is_working_day(day):
    return day.weekday() < 6


def get_working_time(moment):
    """Return the moment itself, or the next one at which somebody works."""
    if moment.hour >= CLOSES:
        moment = datetime.combine(moment.date() + timedelta(1), time(OPENS, moment.minute))
    elif moment.hour < OPENS:
        moment = datetime.combine(moment.date(), time(OPENS, moment.minute))
    while not is_working_day(moment):
        moment += timedelta(1)
    return moment


class History:
    """One call centre's last twelve months.

    :param datetime now: when they end, in UTC without a time zone
    """

    def __init__(self, now):
        self.now = now.replace(microsecond=0)
        self.chance = random.Random()  # noqa: S311 (no secret)

    # -- enquiries

    def get_deals(self):
        """Return all deals, the oldest first."""
        deals = [self._make_deal(*each) for each in enumerate(self._get_arrivals(DAILY))]
        deals += [self._make_recent(*each) for each in RECENT]
        deals += [self._make_fresh(*each) for each in FRESH]
        return sorted(deals, key=lambda deal: deal.created)

    def get_requests(self):
        """Return all service requests, the oldest first."""
        arrivals = enumerate(self._get_arrivals(DAILY_REQUESTS))
        requests = [self._make_request(*each) for each in arrivals]
        return sorted(requests, key=lambda request: request.steps[0].entered)

    def _get_arrivals(self, daily):
        """Return the moments at which somebody called, wrote or filled in a form."""
        arrivals = []
        self.chance.seed(f"{SEED} {daily}")
        for number in range(DAYS + 1):
            day = self.now.date() - timedelta(DAYS - number)
            growth = 1 + GROWTH * (number / DAYS - 0.5)
            expected = daily * growth * SEASON[day.month - 1] * WEEK[day.weekday()]
            for _each in range(math.floor(expected + self.chance.random())):
                hours = OPENS + (CLOSES - OPENS) * self.chance.betavariate(2, 2.4)
                arrivals.append(datetime.combine(day, time()) + timedelta(hours=hours))
        return [arrival.replace(microsecond=0) for arrival in arrivals if arrival < self.now]

    def _pick(self, options, weights):
        return self.chance.choices(list(options), weights)[0]

    def _pause(self, moment, hours):
        """Return a moment later, in working hours: half of the pauses are shorter than given."""
        pause = timedelta(hours=self.chance.lognormvariate(math.log(max(hours, 0.05)), 0.75))
        return get_working_time(moment + pause).replace(microsecond=0)

    def _make_deal(self, number, created):
        # of its own: what has not happened yet changes nothing of the others
        self.chance.seed(f"{SEED} deal {number}")
        agent = self._pick(AGENTS, [each.share for each in AGENTS])
        dealer = self._pick(DEALERS, [each.share for each in DEALERS])
        source = self._pick(SOURCES, [share for share, _skill in SOURCES.values()])
        customer, city = self.chance.choice(CUSTOMERS), self.chance.choice(dealer.cities)
        steps = list(self._walk(created, agent, dealer, SOURCES[source][1]))
        order = self._make_order(steps, dealer)
        return self._fill_in(customer, agent, dealer, city, source, steps, order)

    def _make_recent(self, customer, dealer, agent, hours, state, cause):
        """Return a deal whose order is in the given state; the arguments are those of RECENT."""
        dealer, agent = DEALERS[dealer], AGENTS[agent]
        won = self.now - timedelta(hours=hours)
        days = {"new": 9.1, "qualified": 8.8, "negotiation": 6.2, "won": 0.0}
        steps = [Step(stage, won - timedelta(each), agent.user) for stage, each in days.items()]
        if state == "cancelled":
            steps.append(Step("negotiation", won + timedelta(minutes=1), agent.user))
        sent = won + timedelta(seconds=22) if state == "sent" else None
        attempts = 0 if state in ("pending", "cancelled") else 1
        order = Order(state, won, sent, attempts, sent and "draft", cause=cause)
        source = "bpo_crm.source_hotline"
        return self._fill_in(customer, agent, dealer, dealer.cities[0], source, steps, order)

    def _make_fresh(self, customer, dealer, agent, hours):
        """Return a deal that is new; the arguments are those of FRESH."""
        dealer = DEALERS[dealer]
        agent = None if agent is None else AGENTS[agent]
        steps = [Step("new", self.now - timedelta(hours=hours), None)]
        source = "bpo_crm.source_dealer_website"
        return self._fill_in(customer, agent, dealer, dealer.cities[-1], source, steps)

    def _fill_in(self, customer, agent, dealer, city, source, steps, order=None):
        """Return a deal with all that is known of it."""
        who, is_firm, product, name = customer
        return Deal(
            name=name,
            customer=who,
            is_firm=is_firm,
            city=city,
            agent=agent,
            dealer=dealer,
            source=source,
            units=self._pick_units(product, is_firm),
            priority=self._pick("0123", (40, 35, 20, 5)),
            steps=steps,
            lost_reason=self._pick_lost_reason(steps),
            order=order,
        )

    def _pick_units(self, product, is_firm):
        quantity = self.chance.choice(FLEET) if is_firm else 1
        units = [(product, quantity)]
        extra, how_often = EXTRAS.get(product, (None, 0))
        if self.chance.random() < how_often:
            units.append((extra, quantity))
        return tuple(units)

    def _pick_lost_reason(self, steps):
        if steps[-1].stage != "lost":
            return None
        reasons = LOST_REASONS[steps[-2].stage]
        return self._pick(reasons, reasons.values())

    # -- through the stages

    def _walk(self, created, agent, dealer, skill):
        """Give the steps of a deal, one after the other, until it is closed or it is now.

        :param float skill: how well deals of its source sell
        """
        win_rate = WON_OF_NEGOTIATED + agent.skill + dealer.skill + skill
        stage, moment = "new", created
        while stage and moment <= self.now:
            yield Step(stage, moment, agent.user)
            stage, moment = self._go_on(stage, moment, agent, dealer, win_rate)

    def _go_on(self, stage, moment, agent, dealer, win_rate):
        """Return the next stage and when it is entered; none where the deal stays closed."""
        if stage == "won":
            taken_back = self.chance.random() < TAKEN_BACK
            return (taken_back and "negotiation"), moment + timedelta(minutes=1)
        if stage == "lost":
            restored = self.chance.random() < RESTORED
            return (restored and "qualified"), self._pause(moment, 200)
        hours = agent.hours_to_move if stage == "new" else HOURS[stage]
        if stage == "negotiation":
            hours *= dealer.slowness
        if self.chance.random() < STALLED:
            hours *= STALL_FACTOR
        return self._pick_next(stage, win_rate), self._pause(moment, hours)

    def _pick_next(self, stage, win_rate):
        ahead, others = NEXT[stage]
        for other, how_often in others.items():
            if self.chance.random() < how_often:
                return other
        if ahead == "won" and self.chance.random() >= win_rate:
            return "lost"
        return ahead

    # -- orders

    def _make_order(self, steps, dealer):
        """Return the order of a deal that is won; a cancelled one where that was taken back."""
        won = [step.entered for step in steps if step.stage == "won"]
        if not won:
            return None
        if steps[-1].stage != "won":
            return Order("cancelled", won[-1], None, 0)
        closed = self.now - timedelta(CLOSED_SINCE.get(dealer.dealership, 0))
        minutes = 0.3 + self.chance.lognormvariate(math.log(0.35), 0.6)
        sent = won[-1] + timedelta(minutes=minutes)
        attempts = 1
        for since, until in OUTAGES.get(dealer.dealership, ()):
            if self.now - timedelta(since) < sent < self.now - timedelta(until):
                sent, attempts = self.now - timedelta(until), self.chance.randint(6, 14)
        if sent > closed:
            return Order("pending", won[-1], None, 0)
        remote_state, change = self._pick_remote(self.now - sent)
        return Order("sent", won[-1], sent, attempts, remote_state, change)

    def _pick_remote(self, age):
        """Return what the dealer made of an order of this age, and how its total changed."""
        if age < timedelta(days=3):
            return "draft", 0.0
        remote_state = self._pick(("sale", "sent", "cancel"), (88, 6, 6))
        change = self.chance.choice((-0.03, 0.04)) if self.chance.random() < 0.07 else 0.0
        return remote_state, change if remote_state == "sale" else 0.0

    # -- services

    def _make_request(self, number, created):
        self.chance.seed(f"{SEED} request {number}")
        service = self._pick(SERVICES, (70, 30))
        stages, days_allowed, names = SERVICES[service]
        agent = self._pick(AGENTS[:3], [each.share for each in AGENTS[:3]])
        return Request(
            name=self.chance.choice(names),
            service=service,
            client=f"base.res_partner_{self.chance.choice(CLIENTS)}",
            user=agent.user,
            days_allowed=days_allowed,
            steps=list(self._walk_service(created, stages, agent)),
        )

    def _walk_service(self, created, stages, agent):
        moment = created
        for stage, hours in stages:
            if self.chance.random() >= OPTIONAL_STAGES.get(stage, 1):
                continue
            if moment > self.now:
                return
            yield Step(stage, moment, agent.user)
            moment = self._pause(moment, hours)

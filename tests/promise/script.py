"""What a user of the Python API writes: it is held by `mypy --strict` and run."""

import sys
from decimal import Decimal

import kling_batch
from kling_batch import Action, Campaign, Event, KlingBatchError, Outcome, Plan, State
from kling_batch.sandbox.server import Config, serve


def heard(event: Event) -> None:
    """Count what happens."""
    seen.append(type(event).__name__)


seen: list[str] = []
campaign: Campaign = kling_batch.load(sys.argv[1], variables={"brand": "Nova"}, sandbox=True)
try:
    with kling_batch.hold(campaign), serve(Config(speed=2000)) as base_url:
        plan: Plan = kling_batch.plan(campaign, only=["hero"], budget=Decimal(5))
        created = [change.key for change in plan.changes if change.action is Action.CREATE]
        outcome: Outcome = kling_batch.run(campaign, plan, api_key="sandbox", base_url=base_url, on_event=heard)
except KlingBatchError as error:
    sys.exit(error.exit_code)
lock = kling_batch.state(campaign)
assert all(lock.jobs[key].state is State.DONE for key in created)
price: Decimal | None = kling_batch.prices(campaign).usd(campaign.manifest.jobs[0].request)
print(outcome.exit_code, len(created), outcome.counts[State.DONE], seen.count("Done"), price)

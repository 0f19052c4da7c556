"""A disk that is slow to sync: the journal takes its time, and the looks keep theirs."""

import random

import anyio
import virtual_time
from campaigns import Bench, InPlace, at_once

from kling_batch.run import holding
from kling_batch.run.runner import Run


class Slow(InPlace):
    """A journal file whose syncs take a fifth of a second."""

    async def append(self, data: bytes) -> None:
        await anyio.sleep(0.2)
        await super().append(data)


def test_the_first_look_comes_when_the_manifest_says_however_long_the_journal_takes(bench: Bench) -> None:
    bench.write(1)
    campaign, plan = bench.campaign(), bench.plan()
    looks: list[float] = []
    submitted: list[float] = []

    def trouble(operation: str, name: str) -> str:
        times = {"look": looks, "submit": submitted}.get(operation, [])
        if not name.startswith("kb1-") or operation == "submit":  # look-ups prove something else
            times.append(anyio.current_time())
        return ""

    bench.service.trouble = trouble
    with holding.hold(campaign), holding.journal(campaign, plan, tape=Slow) as (lock, journal):
        run = Run(campaign, plan, lock, journal, lambda _: None, at_once, wall=bench.service.now, dice=random.Random(0))
        virtual_time.run(run.against, bench.service)

    assert 4.5 <= looks[0] - submitted[0] <= 6.0

"""`kling-batch sandbox`: the pretended service by itself, for a shell of its own."""

from pathlib import Path

import rich_click as click

from kling_batch.cli.service import painting, paints

_HELP = """Run the pretended service on loopback, without a key and without money, until Ctrl-C.

It speaks the service's wire format and hands out real MP4 files. Any key is taken but sk-bad. What it charged is at
/v1/sandbox/ledger, its description at /openapi.json.

A scenario file makes things go wrong on demand. It is JSON:

\b
  {"service": {"balance_usd": 5, "link_life": 3},
   "rules": [
     {"on": "submit", "when": {"nth": 3}, "do": {"drop": "handled"}},
     {"on": "submit", "when": {"prompt": "red"},
      "do": {"task": {"code": "generation_failed", "message": "timeout"}}},
     {"on": "look", "when": {"probability": 0.1},
      "do": {"reply": {"status": 502, "body": "<html>"}}},
     {"on": "download", "when": {"every": 4, "times": 2},
      "do": {"transfer": {"cut": 5000}}}]}

\b
  on    submit look upload balance models pricing download any
  when  nth every probability times prompt (a part) id (a pattern)
  do    delay (seconds), drop and hang (arrival, read or handled),
        headers, raw, whole (no ranges) and, each an object:
    reply     status body headers handled bomb
    reshape   set remove move under
    transfer  cut bytes_per_second length endless
    task      code message refunded seconds visible_after known_after
              urls urls_after billing words
  service     balance_usd unlimited group bad_keys business_ids
              visible_after absent link_life file_life in_flight
              median sigma speed seed clip_bytes paint
"""


@click.command(
    help=_HELP,
    short_help="Run the pretended service by itself.",
    epilog="Example: kling-batch sandbox --port 8080 --scenario faults.json",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on loopback; 0 takes a free one.")
@click.option("--speed", type=click.FloatRange(0.001), help="How many times faster than the real service [45].")
@click.option("--seed", type=int, help="Seed of all its dice [0].")
@click.option(
    "--scenario", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Faults on demand, JSON."
)
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), help="File in which it remembers its tasks.")
@click.option("--clip-bytes", type=click.IntRange(0), help="Pad every video to this many bytes.")
@painting
def sandbox(
    *,
    port: int,
    speed: float | None,
    seed: int | None,
    scenario: Path | None,
    state: Path | None,
    clip_bytes: int | None,
    paint: bool | None,
) -> None:
    """Run the pretended service until a signal."""
    from kling_batch.sandbox.server import Config, run_forever  # noqa: PLC0415 - the server is loaded by this verb only

    config = Config(
        port=port,
        speed=speed,
        seed=seed,
        scenario=scenario,
        state=state,
        clip_bytes=clip_bytes,
        paint=paints(paint, speed, scenario),
    )
    run_forever(config, _announce)


def _announce(url: str) -> None:
    """Tell where the service is and how to use it: the address on stdout, the talk on stderr."""
    click.echo(url)
    click.echo(
        "the sandbox is up: no key, no money, real MP4 files; Ctrl-C ends it. In another shell:\n"
        f"  export TOAPIS_BASE_URL={url}\n"
        "  export TOAPIS_API_KEY=sandbox",
        err=True,
    )

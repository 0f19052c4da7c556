"""Files that follow their jobs: what is ours goes along, what is not stays, and the record says where it lies."""

from campaigns import Bench

import kling_batch
from kling_batch.plan.record import State


def shots(bench: Bench, *edits: tuple[str, str]) -> None:
    text = bench.manifest.read_text()
    for before, after in edits:
        text = text.replace(before, after)
    bench.manifest.write_text(text)


def interrupted(bench: Bench) -> None:
    """Run until something is submitted, and no further."""
    bench.run(on_event=lambda event, run: run.engine.stop("enough") if type(event).__name__ == "Submitted" else None)


def test_an_old_video_follows_a_job_that_is_renamed_while_a_new_one_is_made(bench: Bench) -> None:
    bench.write(1)
    bench.run()
    shots(bench, ("a cup", "a bowl"))
    interrupted(bench)

    shots(bench, ("hero:", "star:"))
    bench.run(on_event=lambda _event, run: run.engine.stop("only the moves"))

    (record,) = kling_batch.state(bench.campaign()).jobs.values()
    assert (record.state, record.output) == (State.SUBMITTED, "star/n0-t1.mp4")
    assert [each.output for each in record.past] == ["star/n0-t1.mp4"]
    assert (bench.folder / "out" / "star" / "n0-t1.mp4").is_file()


def test_a_file_that_is_not_ours_is_not_moved_with_the_job_whose_place_it_took(bench: Bench) -> None:
    bench.write(1)
    interrupted(bench)
    foreign = bench.folder / "out" / "hero" / "n0-t1.mp4"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"mine")

    shots(bench, ("hero:", "star:"))
    bench.run()
    bench.run()

    assert foreign.read_bytes() == b"mine"
    assert (bench.folder / "out" / "star" / "n0-t1.mp4").read_bytes() != b"mine"


def test_a_video_that_a_cut_off_move_has_taken_along_is_put_back_before_its_place_is_needed(bench: Bench) -> None:
    bench.write(1)
    bench.run()
    outputs = bench.folder / "out"
    video = (outputs / "hero" / "n0-t1.mp4").read_bytes()
    (outputs / "hero").rename(outputs / "star")  # a move to `star`, killed before it was recorded

    shots(bench, ("  hero:", "  star: {matrix: {n: [n0]}, request: {prompt: a bowl}}\n  hero:"))
    bench.run()

    records = kling_batch.state(bench.campaign()).jobs
    assert {record.state for record in records.values()} == {State.DONE}
    assert (outputs / "hero" / "n0-t1.mp4").read_bytes() == video
    assert (outputs / "hero" / "n0-t1.mp4.json").is_file()
    assert (outputs / "star" / "n0-t1.mp4").read_bytes() != video

"""The spec of a request is the hash of its canonical body, however it is put together."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from kling_batch.job import DEFAULTS, Image, Request, canonical, spec_of

IMAGES = st.lists(
    st.builds(
        Image,
        url=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        role=st.sampled_from(["first_frame", "reference"]),
    ),
    max_size=2,
).map(tuple)


@given(
    prompt=st.text(st.characters(exclude_categories=["Cs"])),
    mode=st.sampled_from([None, "std", "pro"]),
    duration=st.sampled_from([None, 5, 10]),
    audio=st.sampled_from([None, True, False]),
    negative=st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])), st.just('","prompt":""')),
    images=IMAGES,
)
def test_a_spec_is_the_hash_of_the_canonical_body(
    prompt: str, mode: str, duration: int, *, audio: bool, negative: str, images: tuple[Image, ...]
) -> None:
    request = Request(
        prompt=prompt,
        mode=mode,  # type: ignore[arg-type]  # it is one of them
        duration=duration,
        audio=audio,
        negative_prompt=negative,
        image_with_roles=images,
    )

    spec = spec_of(request)

    body = {**DEFAULTS, **request.body({image.url: image.identity for image in images})}
    if not negative:
        body.pop("negative_prompt", None)
    assert spec.hash == "v1:" + hashlib.sha256(canonical(body)).hexdigest()
    assert spec.parts[0] == hashlib.sha256(canonical(prompt)).hexdigest()[:4]

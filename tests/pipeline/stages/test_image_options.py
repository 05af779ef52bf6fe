"""The name of an image model says how its pictures are to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.pipeline.stages.callers import chat, generations, native
from tests.proxy import pollux


async def test_name_of_an_image_model_sets_size_and_shape(tmp_path: Path) -> None:
    more: dict[str, Any] = {"generationConfig": {"imageConfig": {"aspectRatio": "1:1", "imageSize": "2K"}, "seed": 1}}
    async with pollux(tmp_path) as proxy:
        assert (await chat(proxy, "gemini-3-pro-image-4k-16x9", stream=False)).status == 200
        assert (await native(proxy, "gemini-3-pro-image-21x9", stream=False, **more)).status == 200
    first, second = (body["generationConfig"] for body in generations(proxy))
    assert first["imageConfig"] == {"imageSize": "4K", "aspectRatio": "16:9"}
    assert second["imageConfig"] == {"aspectRatio": "21:9", "imageSize": "2K"}
    assert second["seed"] == 1

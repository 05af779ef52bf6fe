"""Stage `image-options`: size and shape of pictures, from the model's name."""

from pipeline.exchange import Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

_OPTIONS = {"image-size": "imageSize", "aspect-ratio": "aspectRatio"}


class ImageOptions(StageConfig, frozen=True):
    """Set what the name of an image model asks for: `-2k`, `-4k`, `-16x9` and their like.

    What the request itself says about the picture is kept beside it; where both speak of the same, the name wins.
    """

    name = "image-options"
    needs = frozenset({"features", "payload"})

    def build(self, ports: Ports) -> Stage:
        async def image_options(x: Exchange) -> None:
            wanted = {field: x.features[feature] for feature, field in _OPTIONS.items() if feature in x.features}
            if wanted and x.operation == "generate":
                config = x.payload.setdefault("generationConfig", {})
                config["imageConfig"] = {**config.get("imageConfig", {}), **wanted}

        return image_options

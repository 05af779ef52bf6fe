"""What requests are served by: everything of a configuration that can change while Pollux runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.plan import Plan, plan
from pollux.pipelines import DEFAULT

if TYPE_CHECKING:
    from pipeline.exchange import Exchange
    from pipeline.ports import Ports
    from pollux.config import Loaded


class Graph(Struct, frozen=True):
    """A configuration made ready: whoever holds it serves by it to the end, whatever is loaded meanwhile."""

    loaded: Loaded
    ports: Ports
    plans: dict[str, Plan]

    def choose(self, x: Exchange) -> Plan:
        """Return the pipeline that a request takes."""
        if not self.loaded.routes:
            return self.plans[DEFAULT]
        # Only configurations with routes pay for reading the model before `format` does.
        x.route = self.loaded.pipeline(x.request.path, x.dialect.read(x.request).model)
        return self.plans[x.route]


def build(loaded: Loaded, ports: Ports) -> Graph:
    """Build every pipeline. Errors: ValueError when an order is wrong; whatever a stage of a user's own raises."""
    return Graph(loaded, ports, {name: plan(name, configs, ports) for name, configs in loaded.pipelines.items()})

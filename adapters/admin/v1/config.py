"""Resources `config` and `pipelines`: the configuration, and what was built from it."""

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation
from adapters.admin.shapes import Changes, Checked, Configuration, Pipelines, Saved


async def show_config(ask: Ask) -> Configuration:
    """Return all settings with their defaults, locks and what waits for a restart; secrets are left out."""
    return await ask.office.config.show()


async def check_config(ask: Ask) -> Checked:
    """Say everything that would be wrong with these changes; nothing is saved."""
    return await ask.office.config.check(ask.body.changes)


async def save_config(ask: Ask) -> Saved:
    """Write changes to the configuration file, comments kept, and apply what can be applied at once.

    All or nothing: with an error in any of them nothing is saved. What the environment locks is skipped.
    """
    return await ask.office.config.save(ask.body.changes)


async def show_pipelines(ask: Ask) -> Pipelines:
    """Return every pipeline with its stages in order, and the routes."""
    return ask.office.config.pipelines()


OPERATIONS = (
    Operation(method="GET", path="/config", run=show_config, answer=Configuration),
    Operation(method="POST", path="/config/check", run=check_config, body=Changes, answer=Checked),
    Operation(method="PATCH", path="/config", run=save_config, body=Changes, answer=Saved),
    Operation(method="GET", path="/pipelines", run=show_pipelines, answer=Pipelines),
)

"""How messages reach the page's functions: exactly as sent, as Gradio would open or fetch the files that they name."""

import contextlib
from typing import Any

import gradio as gr
from gradio.utils import is_prop_update
from gradio_client.utils import encode_file_path

from styler.demo.errors import toast, told
from styler.demo.uploads import given


class Page(gr.Blocks):
    """A Gradio page whose functions check by themselves what was sent, and whose errors are single sentences."""

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """Count the arguments and remember them for links; the function checks everything else."""
        wanted = [block.label or block.get_block_name() for block in block_fn.inputs]
        if len(inputs) != len(wanted):
            raise toast(f"The message has {len(inputs)} arguments; send these {len(wanted)}: {'; '.join(wanted)}.")
        for block, value in zip(block_fn.inputs, inputs, strict=True):
            if isinstance(block, gr.HTML) and "${value}" in block.html_template:
                continue  # else a link would carry one visitor's HTML into another visitor's page
            with contextlib.suppress(ValueError):
                state._update_value_in_config(block._id, remembered(value))
        return inputs

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """Keep for links what an update leaves unchanged; Gradio would forget it and look for it elsewhere."""
        known = state.config_values if state else {}
        before = {block._id: known.get(block._id, {}).get("props", {}).get("value") for block in block_fn.outputs}
        output = await super().postprocess_data(block_fn, predictions, state)
        for block, made in zip(block_fn.outputs, output, strict=False):
            if state and is_prop_update(made):
                state.blocks_config.blocks[block._id]._id = block._id
                if "value" not in made:
                    state._update_value_in_config(block._id, before[block._id])
        return output

    async def call_function(self, block_fn: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run a function of the page, or one step of it, and turn its errors into sentences."""
        with told(page=block_fn.api_visibility != "public"):
            return await super().call_function(block_fn, *args, **kwargs)

    def launch(self, *args: Any, app_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """Launch with a copy of the options: Gradio adds entries that would break a second page in this process."""
        return super().launch(*args, app_kwargs=dict(app_kwargs or {}), **kwargs)


def remembered(value: Any) -> Any:
    """Return what a link may store of a value: for a file only its place, and only if the file is here."""
    if isinstance(value, list):
        return [remembered(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys().isdisjoint({"path", "url", "orig_name"}):
        return {name: remembered(item) for name, item in value.items()}
    path = given(value)
    if path is None:
        raise ValueError("there is no such file.")
    address = f"/gradio_api/file={encode_file_path(str(path))}"
    return gr.FileData(path=str(path), url=address, orig_name=path.name).model_dump()

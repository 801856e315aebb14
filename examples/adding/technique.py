"""Every weight times a factor: as good an example as it is a bad idea."""

import copy

from pydantic import Field

from compbench.contracts import NullCase, TorchTechnique


class Technique(TorchTechnique):
    """Multiply all parameters by `factor`."""

    null_case = NullCase({"factor": 1.0})  # with these options the parent must come back

    factor: float = Field(default=0.5, gt=0, description="what each parameter is multiplied by")

    def build(self, parents, data, fit):
        """The scaled module; `fit(module, recipe)` would fine-tune it."""
        module = copy.deepcopy(parents[0])
        for parameter in module.parameters():
            parameter.data *= self.factor
        return module

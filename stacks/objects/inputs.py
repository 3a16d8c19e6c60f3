"""Read what a program is given.

Lives here: read_inputs, the whole of a program's inputs; Secrets, the values of those that the inputs name.
Not here: what the inputs mean (mlops.contracts).
Law: a value of a secret is an Output from the first line on, and Pulumi keeps it encrypted.
"""

from __future__ import annotations

import base64
import json
from typing import TypeVar

import pulumi

from mlops.contracts.codec import ContractError, decode
from mlops.contracts.program import ProgramInputs

_Inputs = TypeVar("_Inputs", bound=ProgramInputs)


def read_inputs(kind: type[_Inputs]) -> _Inputs:
    """Return the configuration key `inputs` as a `kind`. Raises pulumi.RunError, which Pulumi shows without a traceback."""
    text = pulumi.Config().require("inputs")
    try:
        return decode(kind, text)
    except ContractError as error:
        raise pulumi.RunError(f"The configuration `inputs` does not fit: {error}.") from error


class Secrets:
    """The values of the names in `inputs.secrets`, from the secret configuration key `secrets`."""

    def __init__(self, inputs: ProgramInputs) -> None:
        self._names = inputs.secrets
        text = pulumi.Config().get_secret("secrets") if inputs.secrets else None
        if inputs.secrets and text is None:
            raise pulumi.RunError(
                f"The inputs name the secrets {', '.join(inputs.secrets)}, and the configuration has no `secrets`: set it by "
                '`pulumi config set --secret secrets \'{"NAME": "value"}\'`.'
            )
        self._text = text

    def data(self) -> dict[str, pulumi.Output[str]]:
        """Return them as the `data` of a Secret."""
        return {name: self._encoded(name) for name in self._names}

    def _encoded(self, name: str) -> pulumi.Output[str]:
        def encode(text: str) -> str:
            values = json.loads(text)
            if name not in values:
                raise pulumi.RunError(f"The configuration `secrets` has no value for {name}.")
            return base64.b64encode(str(values[name]).encode()).decode()

        assert self._text is not None
        return self._text.apply(encode)

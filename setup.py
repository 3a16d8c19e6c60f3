"""Put the Pulumi programs of stacks/ inside the package, where `mlops.tools.pulumi_programs` looks for them.

Everything else about the package stands in pyproject.toml, which cannot rename a folder.
"""

from setuptools import find_packages, setup

PROGRAMS = "mlops.tools.pulumi_programs.stacks"

setup(
    packages=[
        *find_packages(include=["mlops", "mlops.*"]),
        *(PROGRAMS + name.removeprefix("stacks") for name in find_packages(include=["stacks", "stacks.*"])),
    ],
    package_dir={PROGRAMS: "stacks"},
    package_data={"mlops.scaffold": ["templates/**/*"], "": ["Pulumi.yaml"]},
)

"""A project whose customers leave early on the basic plan: what the examples of mlops.api, and the notebook of docs/, stand on."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from tests.e2e.conftest import Workplace, make_project

CHURN = {
    "conf/project.yaml": "name: churn\n",
    "conf/env/dev.yaml": "{}\n",
    "conf/dataset/churn.yaml": """\
sources:
  customers: { uri: customers.csv }
sql: SELECT months, plan, churned FROM customers
label: churned
features: { numeric: [months], categorical: [plan] }
split: { by: random, val: 10%, test: 20% }
""",
    "conf/model/churn.yaml": """\
dataset: churn
task: binary
architecture: { name: linear }
optimizer: { lr: 5e-2 }
trainer: { max_epochs: 20, batch_size: 64 }
gates:
  - test_auc >= 0.8
""",
    "conf/package/churn.yaml": "model: churn\n",
    "conf/stack/local.yaml": "target: local\n",
    "conf/endpoint/churn.yaml": """\
package: churn
stack: local
auth: { api_key: "${secret:CHURN_KEY}" }
rollout: { steps: [100%], pause: 500ms, drain: 500ms }
""",
    "conf/monitor/churn.yaml": "endpoint: churn\n",
}


def make_churn(root: Path) -> Workplace:
    place = make_project(root, CHURN)
    write_customers(root / "customers.csv")
    secrets = root / ".mlops" / "secrets"
    secrets.mkdir(mode=0o700, parents=True)
    (secrets / "CHURN_KEY").touch(mode=0o600)
    (secrets / "CHURN_KEY").write_text("a-key-of-the-examples\n")
    return place


def write_customers(path: Path, count: int = 2000, seed: int = 7) -> None:
    """Customers leave in their first two years on the basic plan, and in their first on the other, with some noise."""
    chance = random.Random(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["months", "plan", "churned"])
        for _ in range(count):
            months, plan = chance.randint(0, 60), chance.choice(["basic", "plus"])
            leaves = months + chance.gauss(0, 4) < (24 if plan == "basic" else 12)
            writer.writerow([months, "" if chance.random() < 0.01 else plan, "yes" if leaves else "no"])

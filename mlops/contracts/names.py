"""Name what both sides of a boundary agree on.

Lives here: ports, paths, label names, exit codes and other constants that a process and those who start it share.
Not here: anything with a structure (the other contracts).
Law: plain constants; imports nothing.
"""

PORT = 8000
"""Where a serving container listens."""
GRPC_PORT = 8001
"""Where it listens for gRPC, where its package says that it speaks that."""
GRPC_SUFFIX = ".grpc"
"""Stands behind the path of a process's socket for HTTP in that for gRPC."""
ENDPOINT_HEADER = "x-mlops-endpoint"
"""The metadata of a gRPC call through a gateway that names the endpoint; its path is the same for all."""
COORDINATOR_PORT = 29500
"""Where the first pod of a job listens for the others."""
LOG_SIZE, LOG_BODY = 10 * 2**30, 2**20
"""Bytes of a whole prediction log, and of one request in it, where nothing else is said."""
ANSWER_TIMEOUT = 30.0
"""Seconds that an answer may take where the package says nothing else."""
USER = 65532
"""`nonroot` of the distroless images, by custom; the image need not know it."""

GPU_RESOURCE = "nvidia.com/gpu"
GPU_PRODUCT = "nvidia.com/gpu.product"
"""The label that NVIDIA's GPU feature discovery puts on nodes."""
CLAIM = "mlops"
"""The claim that the platform makes, and that prediction logs lie on."""

LABEL_NAME = "app.kubernetes.io/name"
LABEL_INSTANCE = "app.kubernetes.io/instance"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_VERSION = "app.kubernetes.io/version"
LABEL_PROJECT = "app.kubernetes.io/part-of"
LABEL_OWNER = "app.kubernetes.io/managed-by"
OWNER = "mlops"
"""The value of LABEL_OWNER on every object that mlops makes."""

WORKSPACE = "/workspace"
"""Where a training pod finds the files that it was given; writable."""
TERMINATION_LOG = "/dev/termination-log"
LOGS = "/var/log/mlops"
"""Where a serving pod writes the prediction log, and where its watcher reads it."""
FILES = "/etc/mlops"
"""Where a watcher finds its `files`."""
OUT = "/var/lib/mlops"
"""Where a watcher writes."""
SECRETS = "/run/secrets/mlops"
"""Where a serving pod finds the secret API_KEY, in a file of that name."""
API_KEY = "api_key"
KEY_HEADER = "x-api-key"
"""The header of a request that holds the key."""
PROBE_HEADER = "x-mlops-probe"
"""The header of a request that a container or mlops asks itself; such a request is neither logged nor counted."""

MOST_MODELS_READ = 6
"""How many other models the training of one may read."""
MOST_FOLDERS_READ = MOST_MODELS_READ + 1
"""How many folders it may read beside its data, with that of the values that were searched for: as many as the stage in dvc.yaml has
places for."""
ONLY_HOW_MANY = ("trials", "budget", "parallel")
"""Fields of a search that change how many trials there are, and none of them."""
MISSING_INT = -(2**63)
"""A missing value in an int64 input of a model's graph; no column may hold it."""

MISTAKE = 1
"""The exit code of a training pod that a retry cannot mend; any other one is retried."""
TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: the exit code of a training pod that a retry may mend."""

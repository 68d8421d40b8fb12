"""posembed's retrieval tasks as tasks of mteb, and mteb's tasks run on checkpoints of posembed (extra ``[mteb]``)."""

from posembed.integrations.mteb.encoder import encoder as encoder
from posembed.integrations.mteb.run import run as run
from posembed.integrations.mteb.tasks import local_tasks as local_tasks

"""Parsl configuration for a SLURM cluster: dielectra campaign run POOL --executor parsl --parsl-config slurm.py.

Change partition, account, cores and worker_init to those of your cluster; every block is one job of SLURM.
"""

from parsl import Config
from parsl.addresses import address_by_hostname
from parsl.executors import HighThroughputExecutor
from parsl.launchers import SrunLauncher
from parsl.providers import SlurmProvider

CORES_PER_NODE = 32

config = Config(
    executors=[
        HighThroughputExecutor(
            label="slurm",
            address=address_by_hostname(),
            cores_per_worker=1,
            max_workers_per_node=CORES_PER_NODE,
            provider=SlurmProvider(
                partition="standard",
                account="my-project",
                nodes_per_block=1,
                cores_per_node=CORES_PER_NODE,
                init_blocks=1,
                max_blocks=8,
                walltime="12:00:00",
                worker_init="source $HOME/dielectra/.venv/bin/activate; export OMP_NUM_THREADS=1",
                launcher=SrunLauncher(),
                exclusive=True,
            ),
        )
    ],
    retries=0,  # the campaign's job table tries again
)

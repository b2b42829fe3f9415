"""Work of any kind that may be killed at any moment and goes on where it stopped.

The job table says what is to be done; the file of a result, which appears whole or not at all, says what is done; the
lock of a job, which runner and worker both hold and the kernel frees with the last of them, says that it is being done.
Nothing is claimed without its lock, so that a running job whose lock is free has lost its processes. A folder may be
run by several processes, on machines that share it.
"""

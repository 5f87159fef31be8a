"""The acceptance of a finished unit: it tests itself, walks the technician through what only hands can do, and signs.

`desk` takes the order (`org.homedispatch.Acceptance`, in the readiness service), `run` is the walk, as a process of its
own; what decides (`order`, `steps`, `parts`, `progress`) is pure.
"""

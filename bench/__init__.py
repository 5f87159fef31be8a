"""The whole unit on twins: namespaces, processes and one page. `make run`."""

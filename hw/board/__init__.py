"""The board's twin: what is soldered to QEMU's `virt` machine and plugged into it, by two sockets of QEMU's own."""

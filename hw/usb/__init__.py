"""USB devices that are programs: what stands at a machine's port where hardware would (QEMU's `usb-redir`)."""

"""The headset's twin at a machine's USB: what the kernel's own drivers (snd-usb-audio, usbhid) find there."""

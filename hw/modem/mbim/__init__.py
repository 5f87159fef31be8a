"""The modem's network side as a USB device: MBIM, as ModemManager and the kernel's cdc_mbim speak it."""

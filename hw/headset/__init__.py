"""The headset: as a twin below ALSA."""

"""The unit's slots as plain files, with the real RAUC: see ground.py."""

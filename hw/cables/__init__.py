"""The cables: a small internet in network namespaces, faults to inject, and the unit's own NetworkManager on it."""

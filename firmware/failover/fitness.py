"""Is an uplink that reaches the hub fit for voice? Loss by Page's CUSUM, delay by ITU-T G.114, with hysteresis. Pure.

The score rises with each run of misses (a burst is one loss) and falls with each answer: at 2 % it is quiet for years,
30 % is seen in 0.7 s.
"""

from firmware.failover.condition import Health

MISS_SCORE, ANSWER_SCORE, LOSSY, SCORE_MAX = 3.0, -0.4, 24.0, 34.0
VOICE_ONE_WAY_MS = 150.0  # ITU-T G.114
SLOW, FAST_AGAIN = 3, 5


def score_missed(health: Health) -> float:
    """The score after a miss."""
    return health.score if health.misses else min(health.score + MISS_SCORE, SCORE_MAX)


def score_answered(health: Health, late: bool) -> float:
    """The score after an answer; a late one takes its miss back: it is slow, not lossy."""
    return max(health.score - MISS_SCORE if late else health.score + ANSWER_SCORE, 0.0)


def slow_after(health: Health, one_way_ms: float) -> int:
    """How many answers in a row were slow, or (less than 0) were not."""
    if one_way_ms > VOICE_ONE_WAY_MS:
        return max(health.slow, 0) + 1
    return min(health.slow, 0) - 1


def poor(health: Health) -> str:
    """Why the uplink is unfit for voice: the score must be gone, fast answers must have come again, to be fit again."""
    if health.score >= LOSSY or (health.poor == "lossy" and health.score > 0):
        return "lossy"
    slow = SLOW if health.well_since is not None else 1  # one that is not yet known to be well has no credit
    if health.slow >= slow or (health.poor == "slow" and health.slow > -FAST_AGAIN):
        return "slow"
    return ""

"""Times a training step: the first alone, then a warm-up, then four blocks of steps, the device awaited after each."""

import statistics
import time


def measure(step, wait, warmup, steps, before_blocks=lambda: None):
    """step() gives a loss that wait(loss) blocks for; steps are counted over all blocks. Times in ms, the first in s."""

    def timed(count):
        began = time.perf_counter()
        for _ in range(count):
            loss = step()
        wait(loss)
        return time.perf_counter() - began, loss

    first, _ = timed(1)
    if warmup > 0:
        timed(warmup)
    before_blocks()
    block = steps // 4
    spent = [timed(block) for _ in range(4)]
    times = [seconds / block * 1e3 for seconds, _ in spent]
    return {
        "best_ms": min(times),
        "median_ms": statistics.median(times),
        "first_s": first,
        "loss": float(spent[-1][1]),
    }

import pytest

from monitors.policy import Effective, Origin, Rules, effective

FAST = Rules(interval_seconds=5)
VARIABLES = Rules(30, 5.0, 3, 3)

CASES = {  # sentence: (server, policy, setting, value, origin)
    "nothing set: the variable": (Rules(), Rules(), "interval_seconds", 30, Origin.VARIABLE),
    "the policy beats the variable": (Rules(), Rules(interval_seconds=60), "interval_seconds", 60, Origin.POLICY),
    "the server beats the policy": (
        Rules(interval_seconds=5),
        Rules(interval_seconds=60),
        "interval_seconds",
        5,
        Origin.SERVER,
    ),
    "settings are inherited one by one": (
        Rules(interval_seconds=5),
        Rules(healthy_threshold=9),
        "healthy_threshold",
        9,
        Origin.POLICY,
    ),
    "a long timeout is clamped": (Rules(interval_seconds=2), Rules(), "timeout_seconds", 2, Origin.CLAMPED),
    "a timeout as long as the interval is not": (
        Rules(interval_seconds=5),
        Rules(),
        "timeout_seconds",
        5.0,
        Origin.VARIABLE,
    ),
}


@pytest.mark.parametrize(("server", "policy", "setting", "value", "origin"), CASES.values(), ids=CASES)
def test_effective(server, policy, setting, value, origin):
    rules: Effective = effective(server, policy, VARIABLES)
    assert getattr(rules, setting) == value
    assert rules.as_dict()[setting] == {"value": value, "origin": origin}

import threading

from notifications.bell import ring_in


def test_it_rings_in_a_thread_of_its_own():
    rung = threading.Event()
    ring_in(0.01, rung.set)
    assert rung.wait(5)


def test_a_broker_that_is_away_is_a_line_in_the_log(caplog):
    def ring():
        raise ConnectionError

    ring_in(0, ring)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(5)
    assert [record.getMessage() for record in caplog.records] == ["bell not rung"]

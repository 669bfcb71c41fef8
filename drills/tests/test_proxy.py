from drills.proxy import is_claim, is_commit


def packet(text: bytes) -> bytes:
    return len(text + b"\x03").to_bytes(3, "little") + b"\x00\x03" + text


def test_a_claim_sets_the_state_and_whoever_settles_asks_for_it():
    assert is_claim(packet(b"UPDATE `notifications_delivery` SET `key` = 'x', `state` = 'sending' WHERE `id` = 1"))
    assert not is_claim(packet(b"UPDATE `notifications_delivery` SET `state` = 'sent' WHERE `state` = 'sending'"))
    assert not is_claim(packet(b"SELECT `state` FROM `notifications_delivery` WHERE `state` = 'sending'"))


def test_a_commit_is_a_statement_of_its_own():
    assert is_commit(packet(b"COMMIT"))
    assert is_commit(packet(b"commit"))
    assert not is_commit(packet(b"UPDATE x SET y = 'COMMIT'"))

from mmsemi.structures import Paste, as_pastes


def test_empty_boxes_are_left_out():
    boxes = [[0, 0, 0, 0], [1, 2, 3, 4], [5, 5, 5, 9], [0, 7, 2, 7]]
    assert as_pastes(boxes) == [Paste(1, 1, 1, 2, 3, 4)]
    assert as_pastes(boxes, [9, 8, 7, 6]) == [Paste(1, 8, 1, 2, 3, 4)]
    assert as_pastes([]) == []
